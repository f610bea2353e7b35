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

{{- /* Without versions: a new chart with an old image must not replace the pod. */ -}}
{{- define "exporter.podLabels" -}}
{{- $labels := include "exporter.selector" . | fromYaml -}}
{{- if .Values.workloadIdentity.enabled }}{{ $_ := set $labels "azure.workload.identity/use" "true" }}{{ end -}}
{{- toYaml (merge $labels .Values.podLabels .Values.commonLabels) -}}
{{- end -}}

{{- /* The head of every object: name, namespace, labels. Takes the root; or `root`, with a `name` or `labels` of the object's own. A label
       of the chart wins over one of the object's values, and that over a common one: no key is there twice. */ -}}
{{- define "exporter.metadata" -}}
{{- $own := .labels | default dict -}}
{{- $name := .name -}}
{{- with .root | default . -}}
{{- $labels := include "exporter.selector" . | fromYaml -}}
{{- $_ := set $labels "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
name: {{ $name | default (include "exporter.fullname" .) }}
namespace: {{ .Release.Namespace }}
labels: {{- toYaml (merge $labels $own .Values.commonLabels) | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "exporter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "exporter.image" -}}
{{- $registry := (.Values.global).imageRegistry | default .Values.image.registry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- /* Whether checkpoints are stored on a volume. A demo stores none. */ -}}
{{- define "exporter.keeps" -}}
{{- if and (eq .Values.checkpoint.store "file") (not .Values.demo) }}yes{{ end -}}
{{- end -}}

{{- /* Whether replicas share the partitions, through blobs. */ -}}
{{- define "exporter.shares" -}}
{{- if and (eq .Values.checkpoint.store "blob") (not .Values.demo) }}yes{{ end -}}
{{- end -}}

{{- /* Whether the exporter asks the machine for a managed identity: it has neither a connection string nor another identity. */ -}}
{{- define "exporter.asksMachine" -}}
{{- $auth := .Values.config.auth | default dict -}}
{{- $machine := has ($auth.kind | default "auto") (list "auto" "managed_identity") -}}
{{- $other := or .Values.workloadIdentity.enabled $auth.federated_token_file $auth.client_certificate_file $auth.client_secret_file -}}
{{- if and (or .Values.eventHub.namespace .Values.checkpoint.containerUrl) (not .Values.demo) $machine (or (eq ($auth.kind | default "") "managed_identity") (not $other)) }}yes{{ end -}}
{{- end -}}

{{- /* The name of the claim for checkpoints. */ -}}
{{- define "exporter.claim" -}}
{{- .Values.persistence.existingClaim | default (include "exporter.fullname" .) -}}
{{- end -}}

{{- /* The probes from their values, with the scheme of the web configuration. */ -}}
{{- define "exporter.probes" -}}
{{- range $name, $path := dict "startupProbe" "/-/healthy" "livenessProbe" "/-/healthy" "readinessProbe" "/-/ready" -}}
{{- with index $.Values $name }}
{{- $httpGet := dict "path" $path "port" "http" -}}
{{- if $.Values.webConfig.tls }}{{ $_ := set $httpGet "scheme" "HTTPS" }}{{ end }}
{{ $name }}: {{- toYaml (mergeOverwrite (dict "httpGet" $httpGet) .) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* What a PodMonitor and a ServiceMonitor have in common: takes `root` and `monitor`. */ -}}
{{- define "exporter.endpoint" -}}
port: http
path: /metrics
{{- if .root.Values.webConfig.tls }}
scheme: https
{{- end }}
interval: {{ .monitor.interval }}
scrapeTimeout: {{ .monitor.scrapeTimeout }}
{{- range $key := list "tlsConfig" "basicAuth" "relabelings" "metricRelabelings" }}
{{- with get $.monitor $key }}
{{ $key }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "exporter.monitor" -}}
{{- $monitor := .monitor }}
{{- with .root }}
apiVersion: {{ $monitor.apiVersion }}
kind: {{ $.kind }}
metadata:
  {{- include "exporter.metadata" (dict "root" . "labels" $monitor.labels) | nindent 2 }}
spec:
  # By default, the job is the name of the release, so that the rules tell installations apart.
  jobLabel: {{ $monitor.jobLabel }}
  {{- with $monitor.sampleLimit }}
  sampleLimit: {{ int64 . }}
  {{- end }}
  selector:
    matchLabels: {{- include "exporter.selector" . | nindent 6 }}
  {{ $.endpoints }}:
    - {{- include "exporter.endpoint" $ | nindent 6 }}
{{- end }}
{{- end -}}

{{- /* An object of the cluster, or with an empty name a list, as JSON; nothing when there is no cluster to ask. */ -}}
{{- define "exporter.found" -}}
{{- lookup .version .kind .root.Release.Namespace .name | toJson -}}
{{- end -}}

{{- /* A size in MiB. */ -}}
{{- define "exporter.mebibytes" -}}
{{- if hasSuffix "Gi" . }}{{ mul 1024 (trimSuffix "Gi" .) }}{{ else }}{{ trimSuffix "Mi" . }}{{ end -}}
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
{{- with .Values.webConfig.secretName -}}
{{- $_ := set $ours "http" (dict "web_config_file" (printf "/etc/acs-recording-exporter/web/%s" $.Values.webConfig.key)) -}}
{{- end -}}
{{- if .Values.deadLetters.enabled -}}
{{- /* A folder of the exporter's own: every user can write to the root of an emptyDir, which the exporter refuses. */ -}}
{{- $_ := set $ours "dead_letters" (dict "directory" "/var/lib/acs-recording-exporter-dead-letters/letters") -}}
{{- end -}}
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
