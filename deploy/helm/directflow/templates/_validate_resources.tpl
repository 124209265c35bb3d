{{/* What pods ask for and may take, and what is put into them. Kubernetes refuses a request above its limit; the default
     of one of them may be what is left of the values. */}}
{{- define "directflow.validate.resources" -}}
{{- $complaints := list -}}
{{- range $component := list "gateway" "segments" "conditions" -}}
{{- $resources := (get $.Values $component).resources | default dict -}}
{{- $limits := $resources.limits | default dict -}}
{{- range $name, $request := $resources.requests -}}
{{- $limit := get $limits $name -}}
{{- if and (ne (toString $limit) "") (gt (include "directflow.quantity" $request | float64) (include "directflow.quantity" $limit | float64)) -}}
{{- $complaints = append $complaints (printf "%s.resources.requests.%s (%s) is above the limit (%s); raise %s.resources.limits.%s, or lower the request" $component $name (include "directflow.written" $request) (include "directflow.written" $limit) $component $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{/* Where only a limit is given, Kubernetes makes it the request. */}}
{{- define "directflow.validate.scaling" -}}
{{- $complaints := list -}}
{{- range $component := list "gateway" "segments" "conditions" -}}
{{- $own := get $.Values $component -}}
{{- $resources := $own.resources | default dict -}}
{{- $limits := $resources.limits | default dict -}}
{{- $cpu := dig "cpu" (dig "cpu" "0" $limits) ($resources.requests | default dict) -}}
{{- if and $own.autoscaling.enabled (not (include "directflow.quantity" $cpu | float64)) -}}
{{- $complaints = append $complaints (printf "%s.autoscaling.enabled is true, and %s.resources.requests.cpu is not there, of which targetCPUPercent is a share, so that no pod would ever be added; set it, or autoscaling.enabled to false" $component $component) -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{- define "directflow.validate.audience" -}}
{{- $complaints := list -}}
{{- $audience := .Values.segments.audience -}}
{{- $limits := dig "limits" dict (.Values.segments.resources | default dict) -}}
{{- $memory := $audience.memoryBytes | int64 -}}
{{- $needed := add $memory 268435456 -}}
{{- with $limits.memory -}}
{{- if lt (include "directflow.quantity" . | float64) (float64 $needed) -}}
{{- $complaints = append $complaints (printf "segments.resources.limits.memory (%s) has no room for segments.audience.memoryBytes (%d) and 256 MiB for all else; raise it to %d bytes, or lower memoryBytes" (include "directflow.written" .) $memory $needed) -}}
{{- end -}}
{{- end -}}
{{- $disk := $audience.diskBytes | int64 -}}
{{- $needed = add (include "directflow.scratchBytes" $disk | int64) 268435456 -}}
{{- with get $limits "ephemeral-storage" -}}
{{- if and $disk (lt (include "directflow.quantity" . | float64) (float64 $needed)) -}}
{{- $complaints = append $complaints (printf "segments.resources.limits.ephemeral-storage (%s) has no room for the files of segments.audience.diskBytes (%d) and 256 MiB for all else, so that the pod would be evicted, and its streams cut; raise it to %d bytes, or lower diskBytes" (include "directflow.written" .) $disk $needed) -}}
{{- end -}}
{{- end -}}
{{ toYaml $complaints }}
{{- end -}}

{{/* Takes a quantity of Kubernetes, such as 500m or 512Mi or the number 2; gives how many, or how many bytes. */}}
{{- define "directflow.quantity" -}}
{{- $units := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 -}}
{{- $written := include "directflow.written" . -}}
{{- $number := regexFind "^([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?" $written -}}
{{- $unit := trimPrefix $number $written -}}
{{- if not (and $number (hasKey $units $unit)) }}{{ fail (printf "%q is no quantity such as 500m, 512Mi or 2Gi" $written) }}{{ end -}}
{{ mulf (float64 $number) (get $units $unit) }}
{{- end -}}

{{/* Takes a quantity; gives it as its reader would write it. To Helm every number is a float, and two gibibytes without
     quotes are 2.147483648e+09. */}}
{{- define "directflow.written" -}}
{{ ternary (toJson .) (toString .) (kindIs "float64" .) }}
{{- end -}}
