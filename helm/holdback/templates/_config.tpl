{{/* The configuration's text. Refuses what would run otherwise than it reads. */}}
{{- define "holdback.config" -}}
{{- range $key := list "host" "port" }}
{{- if hasKey ($.Values.config.web | default dict) $key }}
{{- fail (printf "config.web.%s: set web.%s, which Service and probes follow" $key $key) }}
{{- end }}
{{- end }}
{{- if .Values.config.state_dir }}
{{- fail "config.state_dir: leave it out; the chart mounts a folder for it" }}
{{- end }}
{{- if eq ((.Values.config.kafka | default dict).bootstrap | default "embedded") "embedded" }}
{{- fail "config.kafka.bootstrap: name your brokers as host:port; an embedded one serves a single process alone" }}
{{- end }}
{{- if and .Values.profile.file .Values.config.profile }}
{{- fail "config.profile: leave it out, or leave profile.file empty; both name the profile" }}
{{- end }}
{{- if and .Values.profile.file (not (include "holdback.profileSource" . | trim)) }}
{{- fail "profile.file: name also where it is: existingConfigMap, existingClaim or existingSecret" }}
{{- end }}
{{- toYaml .Values.config }}
{{- end }}

{{/* Annotations for pods with Holdback in them: a changed configuration starts them anew. */}}
{{- define "holdback.annotations" -}}
checksum/config: {{ include "holdback.config" . | sha256sum }}
{{- end }}
