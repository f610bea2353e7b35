{{- define "exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "exporter.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "exporter.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "exporter.selector" -}}
app.kubernetes.io/name: {{ include "exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "exporter.labels" -}}
{{ include "exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "exporter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "exporter.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- /* Whether checkpoints are stored on a volume. A demo stores none. */ -}}
{{- define "exporter.keeps" -}}
{{- if and (eq .Values.checkpoint.store "file") (not .Values.demo) }}yes{{ end -}}
{{- end -}}

{{- /* Whether replicas share the partitions, through blobs. */ -}}
{{- define "exporter.shares" -}}
{{- if and (eq .Values.checkpoint.store "blob") (not .Values.demo) }}yes{{ end -}}
{{- end -}}

{{- /* The mode of a Secret's files. Without a volume, the pod has no fsGroup, so the files must be readable by all: there
       are no other users in the container. */ -}}
{{- define "exporter.secretMode" -}}
{{- if include "exporter.shares" . }}0444{{ else }}0440{{ end -}}
{{- end -}}

{{- /* Every change moves partitions, and nobody reads a partition while it moves: scale up at once, down slowly. */ -}}
{{- define "exporter.scaling" -}}
scaleUp:
  stabilizationWindowSeconds: 60
  policies:
    - type: Pods
      value: 2
      periodSeconds: 60
scaleDown:
  stabilizationWindowSeconds: 600
  policies:
    - type: Pods
      value: 1
      periodSeconds: 300
{{- end -}}

{{- /* KEDA's name for the cloud of the namespace; empty for Azure's public cloud. */ -}}
{{- define "exporter.kedaCloud" -}}
{{- $suffix := (splitn "." 2 (lower .Values.eventHub.namespace))._1 | default "servicebus.windows.net" -}}
{{- $clouds := dict "servicebus.windows.net" "" "servicebus.usgovcloudapi.net" "AzureUSGovernmentCloud" "servicebus.chinacloudapi.cn" "AzureChinaCloud" -}}
{{- if not (hasKey $clouds $suffix) -}}
{{- fail (printf "keda: this chart does not know the cloud of `%s`: write a ScaledObject of your own" $suffix) -}}
{{- end -}}
{{- get $clouds $suffix -}}
{{- end -}}

{{- /* The exporter's configuration file: `config`, overridden by the chart's own keys. It contains no secret. */ -}}
{{- define "exporter.config" -}}
{{- $hub := dict "consumer_group" .Values.eventHub.consumerGroup -}}
{{- with .Values.eventHub.names }}{{ $_ := set $hub "names" . }}{{ end -}}
{{- with .Values.eventHub.namespace }}{{ $_ := set $hub "namespace" . }}{{ end -}}
{{- if and .Values.eventHub.connectionString.secretName (eq .Values.eventHub.connectionString.as "file") -}}
{{- $_ := set $hub "connection_string_file" "/etc/acs-recording-exporter/secret/connection-string" -}}
{{- end -}}
{{- $ours := dict "event_hub" $hub -}}
{{- if include "exporter.keeps" . -}}
{{- $_ := set $ours "checkpoint" (dict "store" "file" "path" "/var/lib/acs-recording-exporter/checkpoint") -}}
{{- else if include "exporter.shares" . -}}
{{- $checkpoint := dict "store" "blob" -}}
{{- with .Values.checkpoint.containerUrl }}{{ $_ := set $checkpoint "container_url" . }}{{ end -}}
{{- with .Values.checkpoint.container }}{{ $_ := set $checkpoint "container" . }}{{ end -}}
{{- if .Values.checkpoint.connectionString.secretName -}}
{{- $_ := set $checkpoint "connection_string_file" "/etc/acs-recording-exporter/storage-secret/connection-string" -}}
{{- end -}}
{{- $_ := set $ours "checkpoint" $checkpoint -}}
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $ours) -}}
{{- end -}}
