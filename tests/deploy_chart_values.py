"""Values for the chart: plausible ones, wrong ones, and upgrades; see tests/deploy-chart."""

FROM = {"networkPolicy": {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]}}
READS = {"eventHub": {"namespace": "a", "names": ["c"], "consumerGroup": "d"}}
BASE = {**READS, **FROM}
BLOB = {"store": "blob", "containerUrl": "https://a.blob.core.windows.net/container"}
IDENTITY = {"enabled": True, "clientId": "i"}
TLS = {"webConfig": {"secretName": "web", "tls": True}}

# What a platform team would try.
PLAUSIBLE = {
    "extraVolumes": {**BASE, "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}], "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}]},
    "extraVolumes of a demo": {"demo": True, "extraVolumes": [{"name": "ca", "emptyDir": {}}], "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}]},
    "commonLabels": {**BASE, "commonLabels": {"release": "kube-prometheus-stack"}, "podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}},
    "OpenShift": {**BASE, "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}},
    "podSecurityContext": {**BASE, "podSecurityContext": {"runAsUser": 1000, "supplementalGroups": [5]}},
    "containerSecurityContext": {**BASE, "containerSecurityContext": {"privileged": False}},
    "image.registry": {**BASE, "image": {"registry": "contoso.azurecr.io", "tag": "1.0.0"}},
    "global": {**BASE, "global": {"imageRegistry": "contoso.azurecr.io", "imagePullSecrets": [{"name": "pull"}]}},
    "service": {**BASE, "service": {"type": "ClusterIP", "port": 9465, "annotations": {"a": "b"}, "labels": {"c": "d"}, "ipFamilyPolicy": "PreferDualStack"}},
    "probes": {**BASE, "startupProbe": {"failureThreshold": 60}, "livenessProbe": {"periodSeconds": 30}, "readinessProbe": {"timeoutSeconds": 9}},
    "no probe at the start": {**BASE, "startupProbe": None},
    "labels of the chart and twice": {**BASE, "commonLabels": {"app.kubernetes.io/name": "x", "team": "a"}, "podLabels": {"app.kubernetes.io/instance": "x", "team": "b"}, "service": {"labels": {"team": "c"}}, "podMonitor": {"enabled": True, "labels": {"team": "d", "helm.sh/chart": "x"}}, "prometheusRule": {"enabled": True, "labels": {"team": "e"}}, "dashboard": {"enabled": True, "labels": {"team": "f"}}},
    "a share of the pods to drain": {**BASE, "podDisruptionBudget": {"maxUnavailable": "50%"}},
    "hostAliases": {**BASE, "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a.servicebus.windows.net"]}]},
    "dnsConfig": {**BASE, "dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.10"]}},
    "extraManifests": {**BASE, "extraManifests": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}, "data": {"a": "b"}}, "apiVersion: v1\nkind: Secret\nmetadata: {name: more}\n"]},
    "additionalRuleLabels": {**BASE, "prometheusRule": {"enabled": True, "additionalRuleLabels": {"team": "telephony"}}},
    "monitor labels": {**BASE, "podMonitor": {"enabled": True, "labels": {"release": "stack"}, "jobLabel": "app.kubernetes.io/name"}},
    "relabelings": {**BASE, "podMonitor": {"enabled": True, "relabelings": [{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}], "metricRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "process_.*"}]}},
    "AKS managed Prometheus": {**BASE, "podMonitor": {"enabled": True, "apiVersion": "azmonitoring.coreos.com/v1"}},
    "ServiceMonitor": {**BASE, "serviceMonitor": {"enabled": True, "labels": {"release": "stack"}}},
    "ServiceMonitor of AKS": {**BASE, "serviceMonitor": {"enabled": True, "apiVersion": "azmonitoring.coreos.com/v1"}},
    "sampleLimit": {**BASE, "podMonitor": {"enabled": True, "sampleLimit": 1000000}},
    "large numbers": {**BASE, "config": {"metrics": {"series_max": 1000000}}, "terminationGracePeriodSeconds": 1000000},
    "TLS": {**BASE, **TLS, "podMonitor": {"enabled": True, "tlsConfig": {"ca": {"secret": {"name": "web", "key": "ca.crt"}}, "serverName": "exporter"}}},
    "passwords": {**BASE, "webConfig": {"secretName": "web"}, "podMonitor": {"enabled": True, "basicAuth": {"username": {"name": "web", "key": "user"}, "password": {"name": "web", "key": "password"}}}},
    "TLS of replicas": {**BASE, **TLS, "checkpoint": BLOB, "replicas": 2, "serviceMonitor": {"enabled": True, "tlsConfig": {"insecureSkipVerify": True}}},
    "dead letters": {**BASE, "deadLetters": {"enabled": True}},
    "dead letters on a claim": {**BASE, "deadLetters": {"enabled": True, "volume": {"persistentVolumeClaim": {"claimName": "letters"}}}},
    "existing claim": {**BASE, "persistence": {"existingClaim": "mine"}},
    "memory": {**BASE, "checkpoint": {"store": "memory"}},
    "China": {**BASE, "eventHub": {**READS["eventHub"], "namespace": "a.servicebus.chinacloudapi.cn"}, "workloadIdentity": IDENTITY},
    "scaled to nothing": {**BASE, "replicas": 0},
    "large threshold of KEDA": {**BASE, "checkpoint": BLOB, "workloadIdentity": IDENTITY, "keda": {"enabled": True, "maxReplicas": 2, "unprocessedEventThreshold": 5000000}},
}

# Values that must be refused, and what the sentence must name.
REFUSED = {
    "nothing to read": ({}, ["eventHub.namespace", "demo: true"]),
    "two ways in": ({"eventHub": {"namespace": "a", "connectionString": {"secretName": "b"}, "names": ["c"], "consumerGroup": "d"}}, ["remove one"]),
    "no consumer group": ({"eventHub": {"namespace": "a", "names": ["c"]}}, ["eventHub.consumerGroup"]),
    "no name of a hub": ({"eventHub": {"namespace": "a", "consumerGroup": "d"}}, ["eventHub.names", "for example"]),
    "a grace period that cuts off the last scrape": ({"demo": True, "terminationGracePeriodSeconds": 25}, ["at least 26"]),
    "a secret in a ConfigMap": ({**BASE, "config": {"event_hub": {"connection_string": "x"}}}, ["config.event_hub.connection_string", "remove it"]),
    "a key of the account in a ConfigMap": ({**BASE, "checkpoint": BLOB, "config": {"checkpoint": {"connection_string": "x"}}}, ["config.checkpoint.connection_string", "remove it"]),
    "an address of one's own": ({**BASE, "config": {"http": {"listen": "[::]:1"}}}, ["config.http.listen", "remove it"]),
    "dead letters beside the checkpoints": ({**BASE, "config": {"dead_letters": {"directory": "/var/lib/acs-recording-exporter/x"}}}, ["config.dead_letters.directory", "deadLetters"]),
    "a workload identity without its id": ({"demo": True, "workloadIdentity": {"enabled": True}}, ["workloadIdentity.clientId"]),
    "a SAS in a ConfigMap": ({**BASE, "checkpoint": {"store": "blob", "containerUrl": "https://a.blob.core.windows.net/container?sv=1&sig=x"}}, ["checkpoint.containerUrlFrom.secretName"]),
    "a container in the clear": ({**BASE, "checkpoint": {"store": "blob", "containerUrl": "http://a.blob.core.windows.net/container"}}, ["https://ACCOUNT"]),
    "an account without a container": ({**BASE, "checkpoint": {"store": "blob", "containerUrl": "https://a.blob.core.windows.net"}}, ["https://ACCOUNT", "CONTAINER"]),
    "two monitors": ({**BASE, "podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}, ["enable one of them"]),
    "TLS without a certificate": ({**BASE, "webConfig": {"tls": True}}, ["webConfig.secretName"]),
    "TLS that nobody trusts": ({**BASE, **TLS, "podMonitor": {"enabled": True}}, ["podMonitor.tlsConfig"]),
    "a scrape longer than its interval": ({**BASE, "podMonitor": {"enabled": True, "interval": "10s", "scrapeTimeout": "15s"}}, ["podMonitor.scrapeTimeout", "at most 10s"]),
    "a port for the world": ({**BASE, "service": {"type": "LoadBalancer"}}, ["set ClusterIP", "extraManifests"]),
    "a name in capitals": ({**BASE, "fullnameOverride": "Recordings"}, ["fullnameOverride", "lower-case"]),
    "a name with a blank": ({**BASE, "nameOverride": "a b"}, ["nameOverride", "use lower-case"]),
    "half a gibibyte": ({**BASE, "persistence": {"size": "0.5Gi"}}, ["persistence.size", "for example 1Gi"]),
    "a probe of another path": ({**BASE, "livenessProbe": {"httpGet": {"path": "/-/ready"}}}, ["livenessProbe.httpGet", "remove it"]),
    "a section that is a number": ({**BASE, "config": {"event_hub": 5}}, ["config.event_hub", "for example"]),
    "dead letters of a demo": ({"demo": True, "deadLetters": {"enabled": True}}, ["demo: false"]),
    # Helm's sentences about the schema: they name the value and what it may be.
    "a key that is misspelt": ({"demo": True, "podMonitors": {}}, ["podMonitors", "not allowed"]),
    "a store that there is not": ({**BASE, "checkpoint": {"store": "table"}}, ["/checkpoint/store", "'file', 'memory', 'blob'"]),
    "a group of others": ({**BASE, "podMonitor": {"apiVersion": "monitoring/v1"}}, ["/podMonitor/apiVersion", "azmonitoring.coreos.com/v1"]),
    "replicas that share a file": ({**BASE, "replicas": 2}, ["checkpoint.store: blob", "replicas: 1"]),
    "replicas that remember each their own": ({**BASE, "replicas": 2, "checkpoint": {"store": "memory"}}, ["checkpoint.store: blob", "replicas: 1"]),
    "replicas of a demo": ({"demo": True, "replicas": 2}, ["checkpoint.store: blob", "replicas: 1"]),
    "a scaler over a file": ({**BASE, "workloadIdentity": IDENTITY, "keda": {"enabled": True, "maxReplicas": 2}}, ["checkpoint.store: blob", "keda"]),
    "autoscaling over a file": ({**BASE, "autoscaling": {"enabled": True, "maxReplicas": 2}}, ["checkpoint.store: blob", "autoscaling"]),
    "blobs nowhere": ({**BASE, "checkpoint": {"store": "blob"}}, ["checkpoint.containerUrl", "checkpoint.connectionString.secretName"]),
    "two ways to a container": ({**BASE, "checkpoint": {**BLOB, "containerUrlFrom": {"secretName": "s"}}}, ["one way"]),
    "a container for a file": ({**BASE, "checkpoint": {**BLOB, "store": "file"}}, ["checkpoint.store: blob", "`file`"]),
    "an account and no container": ({**BASE, "checkpoint": {"store": "blob", "connectionString": {"secretName": "s"}}}, ["checkpoint.container"]),
    "a container twice": ({**BASE, "checkpoint": {**BLOB, "container": "c"}}, ["checkpoint.container"]),
    "two scalers": ({**BASE, "checkpoint": BLOB, "workloadIdentity": IDENTITY, "keda": {"enabled": True, "maxReplicas": 2}, "autoscaling": {"enabled": True, "maxReplicas": 2}}, ["one of them"]),
    "a scaler without a limit": ({**BASE, "checkpoint": BLOB, "workloadIdentity": IDENTITY, "keda": {"enabled": True}}, ["eventHub.partitions", "keda.maxReplicas"]),
    "more replicas than partitions": ({**FROM, "eventHub": {**READS["eventHub"], "partitions": 2}, "checkpoint": BLOB, "autoscaling": {"enabled": True, "minReplicas": 3}}, ["autoscaling.minReplicas"]),
    "a scaler that cannot enter": ({**BASE, "checkpoint": BLOB, "keda": {"enabled": True, "maxReplicas": 2}}, ["workloadIdentity", "eventHub.connectionString"]),
    "a scaler with a SAS": ({**BASE, "checkpoint": {"store": "blob", "containerUrlFrom": {"secretName": "s"}}, "workloadIdentity": IDENTITY, "keda": {"enabled": True, "maxReplicas": 2}}, ["SAS"]),
    "a port that every pod reaches": (READS, ["networkPolicy.from", "namespaceSelector", "networkPolicy.enabled: false"]),
    "a scaler in a cloud of one's own": ({**FROM, "eventHub": {**READS["eventHub"], "namespace": "a.servicebus.airgap.example"}, "checkpoint": BLOB, "workloadIdentity": IDENTITY, "keda": {"enabled": True, "maxReplicas": 2}}, ["servicebus.airgap.example"]),
}

DEMO, MEMORY, BLOBS = {"demo": True}, {**BASE, "checkpoint": {"store": "memory"}}, {**BASE, "checkpoint": BLOB}
SIZED = lambda size: {**BASE, "persistence": {"size": size}}
# From, to, and the command or value that a refusal must name; None if it upgrades.
UPGRADES = {
    **{f"{a} to {b}": (before, after, None) for a, before in [("demo", DEMO), ("file", BASE), ("memory", MEMORY), ("blob", BLOBS)] for b, after in [("demo", DEMO), ("file", BASE), ("memory", MEMORY), ("blob", BLOBS)] if a != b},
    "64Mi to 1Gi": (BASE, SIZED("1Gi"), None),
    "1Gi to 64Mi": (SIZED("1Gi"), BASE, "kubectl delete persistentvolumeclaim acs-acs-recording-exporter --namespace monitoring"),
    "another storage class": ({**BASE, "persistence": {"storageClassName": "old"}}, {**BASE, "persistence": {"storageClassName": "new"}}, "persistence.storageClassName: old"),
    "no storage class any more": ({**BASE, "persistence": {"storageClassName": "old"}}, BASE, None),
    "another fullnameOverride, file": (BASE, {**BASE, "fullnameOverride": "other"}, "--set fullnameOverride=acs-acs-recording-exporter"),
    "another fullnameOverride, blob": (BLOBS, {**BLOBS, "fullnameOverride": "other"}, None),
    "another nameOverride, same fullname, file": ({**BASE, "fullnameOverride": "x"}, {**BASE, "fullnameOverride": "x", "nameOverride": "y"}, "kubectl delete statefulset x --namespace monitoring"),
    "another nameOverride, same fullname, blob": ({**BLOBS, "fullnameOverride": "x"}, {**BLOBS, "fullnameOverride": "x", "nameOverride": "y"}, "kubectl delete deployment x --namespace monitoring"),
    "other ports, probes, monitor": (BASE, {**BASE, "service": {"port": 80}, "startupProbe": None, "serviceMonitor": {"enabled": True}}, None),
    "other labels and image": (BASE, {**BASE, "commonLabels": {"a": "b"}, "image": {"tag": "2"}}, None),
}
