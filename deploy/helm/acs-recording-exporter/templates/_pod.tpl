{{- /* The pod of the StatefulSet and of the Deployment. */ -}}
{{- define "exporter.pod" -}}
metadata:
  labels: {{- include "exporter.podLabels" . | nindent 4 }}
  annotations:
    # Most keys apply only at the start, so a change must replace the pod.
    checksum/config: {{ include "exporter.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "exporter.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int64 .Values.terminationGracePeriodSeconds }}
  {{- with concat .Values.imagePullSecrets ((.Values.global).imagePullSecrets | default list) }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.hostAliases }}
  hostAliases: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.dnsPolicy }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with .Values.dnsConfig }}
  dnsConfig: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext: {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: exporter
      image: {{ include "exporter.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      {{- if .Values.demo }}
      args: [demo]
      {{- else }}
      args: [run, --config, /etc/acs-recording-exporter/exporter.yaml]
      {{- end }}
      env:
        - name: ACS_RECORDING_EXPORTER__HTTP__LISTEN
          value: "0.0.0.0:9464"
        {{- if and .Values.eventHub.connectionString.secretName (eq .Values.eventHub.connectionString.as "variable") (not .Values.demo) }}
        - name: ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING
          valueFrom:
            secretKeyRef:
              name: {{ .Values.eventHub.connectionString.secretName }}
              key: {{ .Values.eventHub.connectionString.key }}
        {{- end }}
        {{- if and (include "exporter.shares" .) .Values.checkpoint.containerUrlFrom.secretName }}
        - name: ACS_RECORDING_EXPORTER__CHECKPOINT__CONTAINER_URL
          valueFrom:
            secretKeyRef:
              name: {{ .Values.checkpoint.containerUrlFrom.secretName }}
              key: {{ .Values.checkpoint.containerUrlFrom.key }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- tpl (toYaml .) $ | nindent 8 }}
        {{- end }}
      {{- with .Values.extraEnvFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: 9464
      # /-/healthy fails only if a restart would help. An event hub that is down only makes the pod unready.
      {{- include "exporter.probes" . | nindent 6 }}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      securityContext: {{- toYaml .Values.containerSecurityContext | nindent 8 }}
      {{- with include "exporter.mounts" . }}
      volumeMounts: {{- . | nindent 8 }}
      {{- end }}
  {{- with include "exporter.volumes" . }}
  volumes: {{- . | nindent 4 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints: {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if include "exporter.shares" . }}
  # Spreads the replicas, so that the loss of a zone or a node affects as few as possible. Pods of an old version are ignored.
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      matchLabelKeys: [pod-template-hash]
      labelSelector:
        matchLabels: {{- include "exporter.selector" $ | nindent 10 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- /* Where the pod and the test find their files. */ -}}
{{- define "exporter.mounts" -}}
{{- if not .Values.demo }}
- name: config
  mountPath: /etc/acs-recording-exporter/exporter.yaml
  subPath: exporter.yaml
  readOnly: true
{{- if and .Values.eventHub.connectionString.secretName (eq .Values.eventHub.connectionString.as "file") }}
- name: secret
  mountPath: /etc/acs-recording-exporter/secret
  readOnly: true
{{- end }}
{{- if and (include "exporter.shares" .) .Values.checkpoint.connectionString.secretName }}
- name: storage-secret
  mountPath: /etc/acs-recording-exporter/storage-secret
  readOnly: true
{{- end }}
{{- if .Values.webConfig.secretName }}
- name: web
  mountPath: /etc/acs-recording-exporter/web
  readOnly: true
{{- end }}
{{- if include "exporter.keeps" . }}
- name: state
  mountPath: /var/lib/acs-recording-exporter
{{- end }}
{{- if .Values.deadLetters.enabled }}
- name: dead-letters
  mountPath: /var/lib/acs-recording-exporter-dead-letters
{{- end }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{- define "exporter.volumes" -}}
{{- if not .Values.demo }}
- name: config
  configMap:
    name: {{ include "exporter.fullname" . }}
{{- if and .Values.eventHub.connectionString.secretName (eq .Values.eventHub.connectionString.as "file") }}
- name: secret
  secret:
    secretName: {{ .Values.eventHub.connectionString.secretName }}
    defaultMode: 0440
    items:
      - key: {{ .Values.eventHub.connectionString.key }}
        path: connection-string
{{- end }}
{{- if and (include "exporter.shares" .) .Values.checkpoint.connectionString.secretName }}
- name: storage-secret
  secret:
    secretName: {{ .Values.checkpoint.connectionString.secretName }}
    defaultMode: 0440
    items:
      - key: {{ .Values.checkpoint.connectionString.key }}
        path: connection-string
{{- end }}
{{- with .Values.webConfig.secretName }}
- name: web
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- if include "exporter.keeps" . }}
- name: state
  persistentVolumeClaim:
    claimName: {{ include "exporter.claim" . }}
{{- end }}
{{- if .Values.deadLetters.enabled }}
- name: dead-letters
  {{- toYaml (.Values.deadLetters.volume | default (dict "emptyDir" (dict "sizeLimit" "256Mi"))) | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}
