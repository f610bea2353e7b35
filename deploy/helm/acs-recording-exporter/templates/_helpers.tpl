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

{{- /* Whether positions are kept: a demo has none that outlive it. */ -}}
{{- define "exporter.keeps" -}}
{{- if and .Values.persistence.enabled (not .Values.demo) }}yes{{ end -}}
{{- end -}}

{{- /* The file of the exporter: the chart's keys over `config`. No secret is in it. */ -}}
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
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $ours) -}}
{{- end -}}
