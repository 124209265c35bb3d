{{/* Name of everything that belongs to the release: "directflow" for a release of that name. */}}
{{- define "directflow.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- /* 52 and "-conditions" are the 63 of a Service's name; two releases with names cut alike would share objects. */ -}}
{{- if gt (len $name) 52 }}{{ fail (printf "the name of the release, %q, is too long; choose one of at most 41 characters" .Release.Name) }}{{ end -}}
{{- /* Of a Service, which Helm's own rule for releases lets begin with a digit and hold dots. */ -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}{{ fail (printf "the name of the release, %q, is the beginning of the names of Services, and cannot be; choose one of lower-case letters, digits and hyphens that begins with a letter" .Release.Name) }}{{ end -}}
{{- $name -}}
{{- end -}}

{{/* Name of a component's objects. Takes root and component, as do all that follow unless they say otherwise. */}}
{{- define "directflow.name" -}}
{{ include "directflow.fullname" .root }}-{{ .component }}
{{- end -}}

{{- define "directflow.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* What pods are called besides: nothing that changes with every version of the chart, which would be a rollout. */}}
{{- define "directflow.podLabels" -}}
{{ include "directflow.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
{{- end -}}

{{- define "directflow.labels" -}}
{{ include "directflow.releaseLabels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Takes the root. */}}
{{- define "directflow.releaseLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "directflow.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The name under which a service is called, and which its certificate holds. */}}
{{- define "directflow.host" -}}
{{ include "directflow.name" . }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.clusterDomain }}
{{- end -}}

{{/* What a component's certificate proves. */}}
{{- define "directflow.spiffe" -}}
spiffe://{{ .root.Values.identity.trustDomain }}/ns/{{ .root.Release.Namespace }}/sa/{{ include "directflow.name" . }}
{{- end -}}

{{/* The name by which others know a component, which is that one unless its certificate is somebody else's work. */}}
{{- define "directflow.peer" -}}
{{ get .root.Values.identity.peers .component | default (include "directflow.spiffe" .) }}
{{- end -}}

{{- define "directflow.tlsSecret" -}}
{{- if .root.Values.tls.certManager.enabled -}}
{{ include "directflow.name" . }}-tls
{{- else -}}
{{ get .root.Values.tls.existingSecrets .component }}
{{- end -}}
{{- end -}}

{{/* Takes the root; "true" where `helm test` has a certificate to call with, else empty. */}}
{{- define "directflow.hasTest" -}}
{{- if or .Values.tls.certManager.enabled .Values.tls.existingSecrets.test }}true{{ end -}}
{{- end -}}

{{/* Most pods of a component that are wanted at the same time. */}}
{{- define "directflow.mostReplicas" -}}
{{- $own := get .root.Values .component -}}
{{ ternary $own.autoscaling.maxReplicas $own.replicas $own.autoscaling.enabled | int }}
{{- end -}}
