{{/*
The container, as an item of a list. In your own chart, which has this one as a dependency with `mode: sidecar`:

    initContainers:
      {{- include "holdback.sidecar" .Subcharts.holdback | nindent 8 }}
    volumes:
      {{- include "holdback.volumes" .Subcharts.holdback | nindent 8 }}

With `sidecar.native: false` it belongs under `containers`.
*/}}
{{- define "holdback.sidecar" -}}
{{- $native := .Values.sidecar.native }}
{{- if and $native (semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version) }}
{{- fail "sidecar.native: native sidecars need Kubernetes 1.29; set it to false, and include the sidecar under `containers`" }}
{{- end }}
{{- include "holdback.container" . }}
{{- if $native }}
  restartPolicy: Always
{{- end }}
{{- end }}

{{- define "holdback.container" -}}
- name: holdback
  image: {{ include "holdback.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [holdback, run, -c, /etc/holdback/config.yaml]
  env:
    {{- include "holdback.env" . | nindent 4 }}
  ports:
    - {name: holdback, containerPort: {{ .Values.web.port }}, protocol: TCP}
  {{- range $kind, $path := dict "startup" "/livez" "liveness" "/livez" "readiness" "/readyz" }}
  {{- with index $.Values.probes $kind }}
  {{ $kind }}Probe:
    httpGet: {path: {{ $path }}, port: holdback}
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  volumeMounts:
    {{- include "holdback.volumeMounts" . | nindent 4 }}
{{- end }}

{{- define "holdback.env" -}}
- {name: HOLDBACK_WEB__HOST, value: {{ .Values.web.host | quote }}}
- {name: HOLDBACK_WEB__PORT, value: {{ .Values.web.port | quote }}}
- {name: HOLDBACK_STATE_DIR, value: /var/lib/holdback}
{{- with .Values.profile.file }}
- {name: HOLDBACK_PROFILE, value: {{ printf "/run/holdback/profile/%s" . | quote }}}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "holdback.volumeMounts" -}}
- {name: holdback-config, mountPath: /etc/holdback, readOnly: true}
- {name: holdback-state, mountPath: /var/lib/holdback}
- {name: holdback-tmp, mountPath: /tmp}
{{- if include "holdback.profileSource" . | trim }}
- {name: holdback-profile, mountPath: /run/holdback/profile, readOnly: true}
{{- end }}
{{- range $name, $_ := .Values.secrets }}
- {name: holdback-secret-{{ $name }}, mountPath: /run/holdback/secrets/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}

{{/* The volumes that the container mounts, for the pod that it is in. */}}
{{- define "holdback.volumes" -}}
- name: holdback-config
  configMap: {name: {{ include "holdback.fullname" . }}}
- name: holdback-state
  emptyDir: {sizeLimit: {{ .Values.state.sizeLimit }}}
- name: holdback-tmp
  emptyDir: {sizeLimit: 256Mi}
{{- with include "holdback.profileSource" . | trim }}
- name: holdback-profile
  {{- . | nindent 2 }}
{{- end }}
{{- range $name, $secret := .Values.secrets }}
- name: holdback-secret-{{ $name }}
  secret: {secretName: {{ $secret }}}
{{- end }}
{{- end }}

{{- define "holdback.profileSource" -}}
{{- with .Values.profile }}
{{- if gt (len (compact (list .existingConfigMap .existingClaim .existingSecret))) 1 }}
{{- fail "profile: name one of existingConfigMap, existingClaim and existingSecret" }}
{{- end }}
{{- if .existingConfigMap }}
configMap: {name: {{ .existingConfigMap }}}
{{- else if .existingClaim }}
persistentVolumeClaim: {claimName: {{ .existingClaim }}, readOnly: true}
{{- else if .existingSecret }}
secret: {secretName: {{ .existingSecret }}}
{{- end }}
{{- end }}
{{- end }}
