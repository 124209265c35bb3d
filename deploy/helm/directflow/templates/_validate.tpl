{{/* What the schema cannot say: values that contradict each other. All of it at once, each with what to change. */}}
{{- define "directflow.validate" -}}
{{- $complaints := list -}}
{{- range $check := list "tls" "identity" "replicas" "drain" "numbers" "pools" "resources" "scaling" "audience" "vault" "database" "logins" "monitoring" -}}
{{- $complaints = concat $complaints (include (printf "directflow.validate.%s" $check) $ | fromYamlArray) -}}
{{- end -}}
{{- if $complaints }}{{ fail (printf "\n* %s" (join "\n* " $complaints)) }}{{ end -}}
{{- end -}}

{{- define "directflow.validate.tls" -}}
{{- $complaints := list -}}
{{- $tls := .Values.tls -}}
{{- range $component, $secret := $tls.existingSecrets -}}
{{- if and $tls.certManager.enabled $secret -}}
{{- $complaints = append $complaints (printf "tls.existingSecrets.%s would not be used, since tls.certManager.enabled is true; set one of them" $component) -}}
{{- else if and (not $tls.certManager.enabled) (not $secret) (ne $component "test") -}}
{{- $complaints = append $complaints (printf "tls.existingSecrets.%s is empty, and tls.certManager.enabled is false; name a Secret with tls.crt, tls.key and ca.crt, or let cert-manager write it" $component) -}}
{{- end -}}
{{- end -}}
{{- $renewed := trimSuffix "h" $tls.certManager.renewBefore | int -}}
{{- if and $tls.certManager.enabled (ge $renewed (trimSuffix "h" $tls.certManager.duration | int)) -}}
{{- $complaints = append $complaints (printf "tls.certManager.renewBefore (%s) is not below the duration (%s), and the certificates would be renewed all the time; lower it to a third of the duration" $tls.certManager.renewBefore $tls.certManager.duration) -}}
{{- end -}}
{{- range $component, $peer := .Values.identity.peers -}}
{{- if and $peer $tls.certManager.enabled -}}
{{- $complaints = append $complaints (printf "identity.peers.%s is for certificates of your own, and tls.certManager.enabled writes its own names into them; leave it empty" $component) -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{- define "directflow.validate.identity" -}}
{{- $complaints := list -}}
{{- range $component, $callers := .Values.identity.callers -}}
{{- $taken := ternary (list "segments" "conditions") (list "helm-test") (eq $component "gateway") -}}
{{- range $caller := $callers -}}
{{- if has $caller.name $taken -}}
{{- $complaints = append $complaints (printf "identity.callers.%s has a caller %q, which the chart adds itself; give yours another name" $component $caller.name) -}}
{{- end -}}
{{- if and (eq $caller.name "development") $caller.peers -}}
{{- $complaints = append $complaints (printf "identity.callers.%s has a caller \"development\" with peers, and that name is for whoever calls in plaintext on loopback; give it another name" $component) -}}
{{- end -}}
{{- end -}}
{{- $complaints = concat $complaints (include "directflow.validate.identity.twice" (dict "root" $ "component" $component) | fromYamlArray) -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{/* Of one component. DNS names, which hold no colon, know no letter case. */}}
{{- define "directflow.validate.identity.twice" -}}
{{- $complaints := list -}}
{{- $names := dict -}}
{{- $owners := dict -}}
{{- range $caller := include "directflow.callers" . | fromYamlArray -}}
{{- if hasKey $names $caller.name -}}
{{- $complaints = append $complaints (printf "identity.callers.%s has two callers %q; give one another name, or make them one" $.component $caller.name) -}}
{{- end -}}
{{- $_ := set $names $caller.name true -}}
{{- range $peer := $caller.peers -}}
{{- $key := ternary $peer (lower $peer) (contains ":" $peer) -}}
{{- if hasKey $owners $key -}}
{{- $complaints = append $complaints (printf "identity.callers.%s: a certificate of %s would be both %q and %q; name it in one of them" $.component $peer (get $owners $key) $caller.name) -}}
{{- end -}}
{{- $_ := set $owners $key $caller.name -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{- define "directflow.validate.replicas" -}}
{{- $complaints := list -}}
{{- range $component := list "gateway" "segments" "conditions" -}}
{{- $scaling := (get $.Values $component).autoscaling -}}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- $complaints = append $complaints (printf "%s.autoscaling.minReplicas (%d) is above maxReplicas (%d); raise maxReplicas" $component (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{/* What clients need to leave a pod, if DNS answers with what was true at most 30 s ago: CoreDNS as Kubernetes installs it
     gives a TTL of 30 s, and caches that long. A client looks again when a connection reaches its age, which gRPC varies by
     a tenth, and pauses 30 s between two looks: what it learns once both times are over does not hold the pod. With
     connections to two pods and more, of different ages, it has looked again by then; 8 s more for the change to reach
     DNS and the last calls to leave. */}}
{{- define "directflow.validate.drain" -}}
{{- $complaints := list -}}
{{- $rollout := .Values.rollout -}}
{{- $needed := add (max (ceil (mulf 1.1 $rollout.maxConnectionAgeSeconds) | int) 60) 8 -}}
{{- if lt (int $rollout.preStopSeconds) (int $needed) -}}
{{- $complaints = append $complaints (printf "rollout.preStopSeconds (%d) is below %d, which is what clients need to leave a pod with rollout.maxConnectionAgeSeconds (%d), so that calls would be lost when it stops; raise preStopSeconds to %d%s" (int $rollout.preStopSeconds) (int $needed) (int $rollout.maxConnectionAgeSeconds) (int $needed) (ternary ", or lower maxConnectionAgeSeconds" "" (gt (int $needed) 68))) -}}
{{- end -}}
{{- $gateway := .Values.gateway.drain.longestStreamSeconds | int -}}
{{- range $component := list "segments" "conditions" -}}
{{- $longest := (get $.Values $component).drain.longestStreamSeconds | int -}}
{{- if lt $gateway $longest -}}
{{- $complaints = append $complaints (printf "gateway.drain.longestStreamSeconds (%d) is below that of %s (%d), whose streams pass through the gateway and would be cut there; raise the gateway's to %d" $gateway $component $longest $longest) -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{- define "directflow.validate.numbers" -}}
{{- $complaints := list -}}
{{- range $component := list "gateway" "segments" "conditions" -}}
{{- range $path := include "directflow.numbers.changed" (dict "path" (printf "%s.settings" $component) "value" (get $.Values $component).settings) | fromYamlArray -}}
{{- $complaints = append $complaints (printf "%s is a whole number beyond 9007199254740991, and Helm would change it; quote it" $path) -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{/* Takes a value of the settings and its path; gives the paths in it of numbers that a float does not hold. */}}
{{- define "directflow.numbers.changed" -}}
{{- $path := .path -}}
{{- if kindIs "map" .value -}}
{{- range $key, $one := .value -}}
{{ include "directflow.numbers.changed" (dict "path" (printf "%s.%s" $path $key) "value" $one) }}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $place, $one := .value -}}
{{ include "directflow.numbers.changed" (dict "path" (printf "%s[%d]" $path $place) "value" $one) }}
{{- end -}}
{{- else if kindIs "float64" .value -}}
{{- if or (gt .value 9007199254740991.0) (lt .value -9007199254740991.0) }}
- {{ $path | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "directflow.validate.pools" -}}
{{- $sessions := .Values.pools.sessionsPerDatabase | int -}}
{{- $gateways := include "directflow.mostGateways" . | int -}}
{{- $most := ternary "gateway.autoscaling.maxReplicas" "gateway.replicas" .Values.gateway.autoscaling.enabled -}}
{{- if and (gt $sessions 0) (lt $sessions $gateways) -}}
- pools.sessionsPerDatabase ({{ $sessions }}) leaves less than one session for each of the {{ $gateways }} gateways that may run at the same time, twice {{ $most }}; raise it to {{ $gateways }} or more{{ if gt $sessions 1 }}, or lower {{ $most }} to {{ div $sessions 2 }}{{ end }}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{- define "directflow.validate.vault" -}}
{{- $complaints := list -}}
{{- with .Values.vault -}}
{{- if and .ca.configMap .ca.secret -}}
{{- $complaints = append $complaints "vault.ca.configMap and vault.ca.secret are both set; name the one that holds the authority" -}}
{{- end -}}
{{- end -}}
{{- $path := dig "credentials" "path" "" .Values.gateway.settings -}}
{{- range $connection := .Values.gateway.settings.connections -}}
{{- $kind := $connection.credential_kind | default "file" -}}
{{- if and (eq $kind "file") (not $path) -}}
{{- $complaints = append $complaints (printf "gateway.settings.connections: the credential of %s is in a file (credential_kind), and no path is in gateway.settings.credentials; set it, or name a kind of Vault" $connection.id) -}}
{{- else if and (ne $kind "file") (not $.Values.vault.enabled) -}}
{{- $complaints = append $complaints (printf "gateway.settings.connections: credential_kind %s of %s needs Vault; set vault.enabled to true, or credential_kind to file" $kind $connection.id) -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{- define "directflow.validate.monitoring" -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.enabled) -}}
- metrics.serviceMonitor.enabled is true, and there is nothing to scrape; set metrics.enabled to true
{{- else -}}
[]
{{- end -}}
{{- end -}}
