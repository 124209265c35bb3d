{{/* DirectFlow's own database: where it is, and where its three logins lie. */}}
{{- define "directflow.validate.database" -}}
{{- $complaints := list -}}
{{- with .Values.database -}}
{{- if .enabled -}}
{{- if not .host -}}
{{- $complaints = append $complaints "database.host is empty, and database.enabled is true; name the server" -}}
{{- end -}}
{{- if and (eq .credentialKind "file") (not .existingSecret) -}}
{{- $complaints = append $complaints "database.existingSecret is empty; name a Secret with owner.json, writer.json and reader.json, or set database.credentialKind to one of Vault's" -}}
{{- end -}}
{{- if and (ne .credentialKind "file") .existingSecret -}}
{{- $complaints = append $complaints (printf "database.existingSecret would not be used with database.credentialKind %s; leave it empty" .credentialKind) -}}
{{- end -}}
{{- if and (ne .credentialKind "file") (not $.Values.vault.enabled) -}}
{{- $complaints = append $complaints (printf "database.credentialKind %s needs Vault; set vault.enabled to true, or credentialKind to file" .credentialKind) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{/* The gateway refuses settings by which somebody's connection could be handed a login of DirectFlow's own. */}}
{{- define "directflow.validate.logins" -}}
{{- $complaints := list -}}
{{- $own := .Values.database -}}
{{- if $own.enabled -}}
{{- if and (has $own.credentialKind (list "vault-dynamic" "vault-static")) (contains "/" $own.vaultPath) -}}
{{- $complaints = append $complaints (printf "database.vaultPath (%s) is the name of one of Vault's roles with database.credentialKind %s, and those hold no slash; give a name such as directflow-{role}" $own.vaultPath $own.credentialKind) -}}
{{- end -}}
{{- $place := include "directflow.database.place" . | trim -}}
{{- range $name, $template := include "directflow.credentials.places" . | fromYaml -}}
{{- $connections := $template | regexQuoteMeta | replace "\\{workspace\\}" "[a-z0-9-]+" | replace "\\{connection\\}" "[a-z0-9-]+" -}}
{{- $isTheirs := false -}}
{{- range $role := list "owner" "writer" "reader" -}}
{{- $isTheirs = or $isTheirs (regexMatch (printf "^%s$" $connections) (replace "{role}" $role $place)) -}}
{{- end -}}
{{- if and $isTheirs (eq $own.credentialKind "file") -}}
{{- $complaints = append $complaints (printf "gateway.settings.credentials.%s (%s) could lead a connection to DirectFlow's own logins, which are mounted as %s; keep connections' files in another folder" $name $template $place) -}}
{{- else if $isTheirs -}}
{{- $complaints = append $complaints (printf "database.vaultPath and vaultMount lead to %s, where a connection's credential could be looked for (gateway.settings.credentials.%s: %s); give the database a vaultMount of its own, or a vaultPath that no two names of workspace and connection make up" $place $name $template) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{/* Takes the root. Where a connection's credential is looked for, by its name in gateway.settings.credentials: files, and
     paths of Vault. What stands here is what the gateway does without settings of these names. */}}
{{- define "directflow.credentials.places" -}}
{{- $given := .Values.gateway.settings.credentials | default dict -}}
{{- $kv := $given.vault_kv | default dict -}}
{{- with $given.path }}
path: {{ . | quote }}
{{- end }}
vault_kv: {{ printf "%s/data/%s" ($kv.mount | default "secret") ($kv.path | default "directflow/{workspace}/{connection}") | quote }}
{{- range $engine, $what := dict "vault_dynamic" "creds" "vault_static" "static-creds" }}
{{- $roles := get $given $engine | default dict }}
{{ $engine }}: {{ printf "%s/%s/%s" ($roles.mount | default "database") $what ($roles.role | default "{workspace}_{connection}") | quote }}
{{- end }}
{{- end -}}

{{/* Takes the root. Where the logins of DirectFlow's own database are looked for, with `{role}`. */}}
{{- define "directflow.database.place" -}}
{{- $own := .Values.database -}}
{{- $what := dict "vault-kv" "data" "vault-dynamic" "creds" "vault-static" "static-creds" -}}
{{- if eq $own.credentialKind "file" -}}
/var/run/directflow/database/{role}.json
{{- else -}}
{{ $own.vaultMount | default (ternary "secret" "database" (eq $own.credentialKind "vault-kv")) }}/{{ get $what $own.credentialKind }}/{{ include "directflow.database.vaultPath" $own }}
{{- end -}}
{{- end -}}
