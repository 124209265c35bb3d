{{/* The settings file of a component: `settings` of the values, beneath what the chart knows itself. */}}
{{- define "directflow.settings" -}}
{{- $own := get .root.Values .component -}}
{{- $settings := deepCopy $own.settings -}}
{{- range $section := list (printf "directflow.settings.%s" .component) "directflow.settings.shared" -}}
{{- $settings = mergeOverwrite $settings (include $section $ | fromYaml) -}}
{{- end -}}
{{- include "directflow.integers" $settings -}}
{{ toToml $settings }}
{{- end -}}

{{/* To Helm every number is a float: what is whole is written as whole, at every depth, or a condition's default of 30
     would reach PostgreSQL as 30.0. Takes a dict, and changes it in place. */}}
{{- define "directflow.integers" -}}
{{- $dict := . -}}
{{- range $key, $value := . -}}
{{- $values := list -}}
{{- range $one := ternary $value (list $value) (kindIs "slice" $value) -}}
{{- if kindIs "map" $one -}}
{{- include "directflow.integers" $one -}}
{{- end -}}
{{- $values = append $values (ternary ($one | int64) $one (and (kindIs "float64" $one) (eq (toString (floor $one)) (toString $one)))) -}}
{{- end -}}
{{- $_ := set $dict $key (ternary $values (first $values) (kindIs "slice" $value)) -}}
{{- end -}}
{{- end -}}

{{- define "directflow.settings.shared" -}}
{{- $own := get .root.Values .component -}}
{{- $drain := include "directflow.drainSeconds" . | int -}}
server:
  host: 0.0.0.0
  port: 7400
  health_host: 0.0.0.0
  health_port: 7410
  tls: {directory: /etc/directflow/tls}
  max_connection_age_s: {{ .root.Values.rollout.maxConnectionAgeSeconds }}
  max_stream_deadline_s: {{ $own.drain.longestStreamSeconds }}
  lame_duck_s: {{ .root.Values.rollout.lameDuckSeconds }}
  drain_grace_s: {{ $drain }}
telemetry:
  otlp_endpoint: {{ .root.Values.telemetry.otlpEndpoint | quote }}
metrics:
  prometheus_port: {{ ternary 9464 0 .root.Values.metrics.enabled }}
identity:
  callers:
    {{- include "directflow.callers" . | nindent 4 }}
{{- end -}}

{{/* How long running calls are let go on: the longest there can be, unary ones too, and a little. */}}
{{- define "directflow.drainSeconds" -}}
{{- $own := get .root.Values .component -}}
{{- $unary := dig "server" "max_unary_deadline_s" 300 $own.settings -}}
{{ add (max ($own.drain.longestStreamSeconds | int) (ceil $unary | int)) 5 }}
{{- end -}}

{{/* From the order to stop to the last moment: preStop, lame duck, running calls, clean-up (5 s), what is closed (10 s),
     the last spans and figures, and room. */}}
{{- define "directflow.terminationGracePeriodSeconds" -}}
{{- $own := get .root.Values .component -}}
{{- $rollout := .root.Values.rollout -}}
{{- $spans := dig "telemetry" "shutdown_timeout_s" 3 $own.settings -}}
{{ add $rollout.preStopSeconds $rollout.lameDuckSeconds (include "directflow.drainSeconds" . | int) 5 10 (ceil $spans | int) 10 }}
{{- end -}}

{{/* The chart's own callers come first: an entry of the values can add to them, and not stand in for one. */}}
{{- define "directflow.callers" -}}
{{- $callers := list -}}
{{- if eq .component "gateway" -}}
{{- range $service := list "segments" "conditions" -}}
{{- $peer := include "directflow.peer" (dict "root" $.root "component" $service) -}}
{{- $callers = append $callers (dict "name" $service "role" $service "peers" (list $peer) "workspaces" (list "*")) -}}
{{- end -}}
{{- else if include "directflow.hasTest" .root -}}
{{- $peer := include "directflow.peer" (dict "root" .root "component" "test") -}}
{{- $callers = append $callers (dict "name" "helm-test" "role" "platform" "peers" (list $peer) "workspaces" (list .root.Values.test.workspace)) -}}
{{- end -}}
{{ concat $callers (get .root.Values.identity.callers .component) | toYaml }}
{{- end -}}

{{- define "directflow.settings.segments" -}}
{{- $audience := .root.Values.segments.audience -}}
{{ include "directflow.settings.towardsGateway" . }}
audience:
  memory_bytes: {{ int64 $audience.memoryBytes }}
  disk_bytes: {{ int64 $audience.diskBytes }}
  {{- if $audience.diskBytes }}
  scratch_directory: /scratch
  {{- end }}
{{- end -}}

{{- define "directflow.settings.conditions" -}}
{{ include "directflow.settings.towardsGateway" . }}
{{- end -}}

{{- define "directflow.settings.towardsGateway" -}}
gateway:
  target: {{ include "directflow.host" (dict "root" .root "component" "gateway") }}:7400
  tls: {directory: /etc/directflow/tls}
{{- end -}}
