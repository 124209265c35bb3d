{{/* What only the gateway's settings have: Vault, DirectFlow's own database, the budget of sessions. */}}
{{- define "directflow.settings.gateway" -}}
{{- with .root.Values.vault }}
{{- if .enabled }}
vault:
  address: {{ .address | quote }}
  namespace: {{ .namespace | quote }}
  ca_file: {{ ternary "/etc/directflow/vault-ca/ca.crt" "" (not (empty (or .ca.configMap .ca.secret))) | quote }}
  login:
    method: kubernetes
    mount: {{ .auth.mount | quote }}
    role: {{ .auth.role | quote }}
    token_file: /var/run/secrets/directflow/vault/token
{{- end }}
{{- end }}
{{- if .root.Values.database.enabled }}
directflow_database:
  {{- include "directflow.settings.database" .root.Values.database | nindent 2 }}
{{- end }}
pools:
  gateways: {{ include "directflow.mostGateways" .root }}
  sessions_per_database: {{ int .root.Values.pools.sessionsPerDatabase }}
  sessions: {{ int .root.Values.pools.sessions }}
{{- end -}}

{{/* Takes `database` of the values. */}}
{{- define "directflow.settings.database" -}}
host: {{ .host | quote }}
port: {{ int .port }}
database: {{ .name | quote }}
sslmode: {{ .sslmode | quote }}
ca_pem: {{ .caPem | toJson }}
retention_days: {{ int .retentionDays }}
credential_kind: {{ .credentialKind | quote }}
{{- if eq .credentialKind "file" }}
{{- range $role := list "owner" "writer" "reader" }}
{{ $role }}_credential: /var/run/directflow/database/{{ $role }}.json
{{- end }}
{{- else }}
vault_mount: {{ .vaultMount | quote }}
vault_path: {{ include "directflow.database.vaultPath" . | quote }}
{{- end }}
{{- end -}}

{{/* Takes `database` of the values. A role of Vault's has no slash in its name, and this one no underscore, which is what
     keeps workspace and connection apart in the names of connections' roles. */}}
{{- define "directflow.database.vaultPath" -}}
{{ .vaultPath | default (ternary "directflow-database/{role}" "directflow-{role}" (eq .credentialKind "vault-kv")) }}
{{- end -}}

{{/* Takes the root. Most gateways at the same time: all new ones of a rollout, while all old ones may still finish their
     streams. A surge above the wanted number exists only until then, and is less. */}}
{{- define "directflow.mostGateways" -}}
{{ mul 2 (include "directflow.mostReplicas" (dict "root" . "component" "gateway") | int) }}
{{- end -}}
