{{/* The chart's name, in labels. */}}
{{- define "holdback.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The start of every name: release and chart, or the release alone if it has the chart's name in it. */}}
{{- define "holdback.fullname" -}}
{{- $name := include "holdback.name" . }}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $both .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "holdback.selectorLabels" -}}
app.kubernetes.io/name: {{ include "holdback.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "holdback.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "holdback.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: holdback
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The labels by which pods are found: ours, or those of the model's pods that have the sidecar. */}}
{{- define "holdback.podSelector" -}}
{{- if eq .Values.mode "sidecar" -}}
{{- toYaml .Values.sidecar.podLabels }}
{{- else -}}
{{- include "holdback.selectorLabels" . }}
{{- end }}
{{- end }}

{{- define "holdback.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "holdback.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "holdback.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Ports of the brokers: those given, or those in the bootstrap addresses. A JSON list. */}}
{{- define "holdback.kafkaPorts" -}}
{{- $ports := .Values.networkPolicy.kafkaPorts }}
{{- if not $ports }}
{{- range splitList "," (dig "kafka" "bootstrap" "" .Values.config) }}
{{- $ports = append $ports (regexFind "[0-9]+$" (trim .) | default "9092" | int) }}
{{- end }}
{{- end }}
{{- toJson (uniq $ports) }}
{{- end }}
