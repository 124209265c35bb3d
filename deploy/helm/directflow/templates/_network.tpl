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
{{- include "directflow.network.rule" (dict "direction" "to" "peers" $policy.collector.to "ports" (list $policy.collector.port)) }}
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
{{- include "directflow.network.rule" (dict "direction" "to" "peers" $policy.vault.to "ports" (list $policy.vault.port)) }}
{{- end }}
{{- if .Values.database.enabled }}
{{- include "directflow.network.rule" (dict "direction" "to" "peers" $policy.database.to "ports" (list $policy.database.port)) }}
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
