{{/* The pod of a component. */}}
{{- define "directflow.pod" -}}
{{- $own := get .root.Values .component -}}
{{ include "directflow.pod.security" .root }}
serviceAccountName: {{ include "directflow.name" . }}
{{- with $own.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
terminationGracePeriodSeconds: {{ include "directflow.terminationGracePeriodSeconds" . }}
topologySpreadConstraints:
  {{- range $topology := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $topology }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "directflow.selectorLabels" $ | nindent 8 }}
    # Each rollout is spread by itself: pods that are on their way out do not count.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- include "directflow.pod.placement" $own }}
containers:
  - name: {{ .component }}
    image: {{ include "directflow.image" .root | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command: [directflow-{{ .component }}, --config, /etc/directflow/{{ .component }}.toml]
    env:
      - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
      - {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    ports:
      - {name: grpc, containerPort: 7400}
      - {name: health, containerPort: 7410}
      {{- if .root.Values.metrics.enabled }}
      - {name: metrics, containerPort: 9464}
      {{- end }}
    {{- include "directflow.pod.probes" . | nindent 4 }}
    lifecycle:
      preStop:
        exec: {command: [sleep, {{ .root.Values.rollout.preStopSeconds | int | quote }}]}
    resources:
      {{- toYaml ($own.resources | default dict) | nindent 6 }}
    {{- include "directflow.container.security" . | nindent 4 }}
    volumeMounts:
      {{- include "directflow.volumeMounts" . | nindent 6 }}
volumes:
  {{- include "directflow.volumes" . | nindent 2 }}
{{- end -}}

{{/* Takes the values of a component. */}}
{{- define "directflow.pod.placement" -}}
{{- range $field := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $ $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* "alive" is served from the first moment to the last; the empty name once the definitions are loaded and until the
     pod is to stop. A pod that waits for its database must not be restarted for it. */}}
{{- define "directflow.pod.probes" -}}
startupProbe:
  grpc: {port: 7410, service: alive}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  grpc: {port: 7410, service: alive}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  grpc: {port: 7410}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 3
{{- end -}}

{{/* Takes the root. With the container's part this is the Pod Security Standard "restricted". */}}
{{- define "directflow.pod.security" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  # Else kubelet walks through every volume at every start.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "directflow.container.security" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}
