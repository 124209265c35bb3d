{{- define "directflow.volumes" -}}
- name: settings
  configMap:
    name: {{ include "directflow.name" . }}
- name: tls
  secret:
    secretName: {{ include "directflow.tlsSecret" . | quote }}
    defaultMode: 0440
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if eq .component "segments" }}
{{- include "directflow.volumes.scratch" .root }}
{{- else if eq .component "gateway" }}
{{- include "directflow.volumes.gateway" .root }}
{{- end }}
{{- end -}}

{{- define "directflow.volumeMounts" -}}
- {name: settings, mountPath: /etc/directflow, readOnly: true}
- {name: tls, mountPath: /etc/directflow/tls, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if eq .component "segments" }}
{{- if .root.Values.segments.audience.diskBytes }}
- {name: scratch, mountPath: /scratch}
{{- end }}
{{- else if eq .component "gateway" }}
{{- include "directflow.volumeMounts.gateway" .root }}
{{- end }}
{{- end -}}

{{/* A pod beyond the size limit is evicted, all of its streams with it: segments itself stops at diskBytes, before. */}}
{{- define "directflow.volumes.scratch" -}}
{{- with .Values.segments.audience.diskBytes }}
- name: scratch
  emptyDir: {sizeLimit: {{ include "directflow.scratchBytes" . | quote }}}
{{- end }}
{{- end -}}

{{/* Takes diskBytes. */}}
{{- define "directflow.scratchBytes" -}}
{{ add (int64 .) (div (int64 .) 8) 67108864 }}
{{- end -}}

{{/* Takes the root. No other pod has any of these: tokens and logins are the gateway's alone. */}}
{{- define "directflow.volumes.gateway" -}}
{{- with .Values.vault }}
{{- if .enabled }}
- name: vault-token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          audience: {{ .auth.audience | quote }}
          expirationSeconds: {{ int .auth.expirationSeconds }}
{{- if .ca.configMap }}
- name: vault-ca
  configMap:
    name: {{ .ca.configMap | quote }}
    items: [{key: {{ .ca.key | quote }}, path: ca.crt}]
{{- else if .ca.secret }}
- name: vault-ca
  secret:
    secretName: {{ .ca.secret | quote }}
    defaultMode: 0440
    items: [{key: {{ .ca.key | quote }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end }}
{{- if include "directflow.databaseSecret" . }}
- name: database
  secret:
    secretName: {{ include "directflow.databaseSecret" . | quote }}
    defaultMode: 0440
    items:
      {{- range $role := list "owner" "writer" "reader" }}
      - {key: {{ $role }}.json, path: {{ $role }}.json}
      {{- end }}
{{- end }}
{{- with .Values.gateway.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "directflow.volumeMounts.gateway" -}}
{{- with .Values.vault }}
{{- if .enabled }}
- {name: vault-token, mountPath: /var/run/secrets/directflow/vault, readOnly: true}
{{- if or .ca.configMap .ca.secret }}
- {name: vault-ca, mountPath: /etc/directflow/vault-ca, readOnly: true}
{{- end }}
{{- end }}
{{- end }}
{{- if include "directflow.databaseSecret" . }}
- {name: database, mountPath: /var/run/directflow/database, readOnly: true}
{{- end }}
{{- with .Values.gateway.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Takes the root; empty where the logins of DirectFlow's own database are in no Secret. */}}
{{- define "directflow.databaseSecret" -}}
{{- with .Values.database -}}
{{- if and .enabled (eq .credentialKind "file") }}{{ .existingSecret }}{{ end -}}
{{- end -}}
{{- end -}}
