{{/* One rule of a NetworkPolicy. Takes peers, port or ports, and direction ("from" or "to"). Without peers there is no
     rule at all: to Kubernetes an empty list would be everybody. */}}
{{- define "directflow.network.rule" -}}
{{- if .peers }}
- {{ .direction }}:
    {{- toYaml .peers | nindent 4 }}
  ports:
    {{- range $port := .ports }}
    - {port: {{ int $port }}, protocol: TCP}
    {{- end }}
{{- end }}
{{- end -}}

{{/* Takes a port of networkPolicy, `given`, and the address that it is for: 0 is the address's own port, which is that of
     https where it names none. */}}
{{- define "directflow.network.port" -}}
{{ .given | default (regexFind ":[0-9]+$" .address | trimPrefix ":" | default "443") }}
{{- end -}}

{{/* Takes the root; gives the addresses that are no Service's, by the peers of networkPolicy that name pods alone. */}}
{{- define "directflow.network.outside" -}}
{{- $policy := .Values.networkPolicy -}}
{{- $addresses := dict -}}
{{- if .Values.vault.enabled }}{{ $_ := set $addresses "vault" "vault.address" }}{{ end -}}
{{- if .Values.telemetry.otlpEndpoint }}{{ $_ := set $addresses "collector" "telemetry.otlpEndpoint" }}{{ end -}}
{{- range $peers, $address := $addresses -}}
{{- $path := splitList "." $address -}}
{{- $value := get (get $.Values (first $path)) (last $path) -}}
{{- $isInside := regexMatch "^https?://[^.]+(:[0-9]+)?$|[.]svc(:[0-9]+)?$|[.]svc[.]" $value -}}
{{- if and $policy.enabled (not $isInside) (not (contains "ipBlock" (toJson (get $policy $peers).to))) }}
{{ $peers }}: {{ $address }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "directflow.network.pods" -}}
- podSelector:
    matchLabels:
      {{- include "directflow.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* What a component may reach: the cluster's name servers, the Collector, and what it calls. */}}
{{- define "directflow.network.egress" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- with $policy.dns.to }}
- to:
  {{- toYaml . | nindent 4 }}
  ports:
    - {port: {{ int $policy.dns.port }}, protocol: UDP}
    - {port: {{ int $policy.dns.port }}, protocol: TCP}
{{- end }}
{{- if and .root.Values.telemetry.otlpEndpoint (ne .component "test") }}
{{- include "directflow.network.rule" (dict "direction" "to" "peers" $policy.collector.to "ports" (list (include "directflow.network.port" (dict "given" $policy.collector.port "address" .root.Values.telemetry.otlpEndpoint)))) }}
{{- end }}
{{- if eq .component "gateway" }}
{{- include "directflow.network.egress.gateway" .root }}
{{- else }}
{{- $called := list -}}
{{- range $other := ternary (list "segments" "conditions") (list "gateway") (eq .component "test") -}}
{{- $called = concat $called (include "directflow.network.pods" (dict "root" $.root "component" $other) | fromYamlArray) -}}
{{- end -}}
{{- include "directflow.network.rule" (dict "direction" "to" "peers" $called "ports" (list 7400)) }}
{{- end }}
{{- end -}}

{{/* What the gateway alone may reach. Takes the root. */}}
{{- define "directflow.network.egress.gateway" -}}
{{- $policy := .Values.networkPolicy -}}
{{- if .Values.vault.enabled }}
{{- include "directflow.network.rule" (dict "direction" "to" "peers" $policy.vault.to "ports" (list (include "directflow.network.port" (dict "given" $policy.vault.port "address" .Values.vault.address)))) }}
{{- end }}
{{- if .Values.database.enabled }}
{{- include "directflow.network.rule" (dict "direction" "to" "peers" $policy.database.to "ports" (list ($policy.database.port | default .Values.database.port))) }}
{{- end }}
{{- range $policy.databases }}
{{- include "directflow.network.rule" (dict "direction" "to" "peers" .to "ports" .ports) }}
{{- end }}
{{- end -}}

{{/* Who may call a component. */}}
{{- define "directflow.network.ingress" -}}
{{- if ne .component "test" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $others := ternary (list "segments" "conditions") (ternary (list "test") (list) (not (empty (include "directflow.hasTest" .root)))) (eq .component "gateway") -}}
{{- $callers := ternary $policy.gatewayClients $policy.clients (eq .component "gateway") -}}
{{- range $other := $others }}
{{- $callers = concat $callers (include "directflow.network.pods" (dict "root" $.root "component" $other) | fromYamlArray) }}
{{- end }}
{{- include "directflow.network.rule" (dict "direction" "from" "peers" $callers "ports" (list 7400)) }}
{{- if .root.Values.metrics.enabled }}
{{- include "directflow.network.rule" (dict "direction" "from" "peers" $policy.monitoring "ports" (list 9464)) }}
{{- end }}
{{- end }}
{{- end -}}
