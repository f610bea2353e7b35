// NOT DEPLOYED: nobody has compiled or deployed this file yet. Run `az deployment group what-if` before you create anything.
// tests/deploy-lint parses it, checks its resources and properties against Microsoft's published types, and compares what it
// creates with azure-cli.md. docs/azure.md says where each fact comes from.
//
// Creates what the exporter needs: a namespace with one event hub and a consumer group, the diagnostic setting that streams
// the three logs of an ACS resource into the event hub, an identity, and its right to receive. Optional: the trust of a
// Kubernetes cluster in the identity, a key, a firewall, and a storage account for replicas that share the partitions
// (docs/replicas.md).
//
//   az deployment group create --resource-group GROUP --template-file deploy/azure/main.bicep \
//     --parameters communicationServiceName=contoso namespaceName=contoso-acs-logs
//
// The ACS resource must already exist, in the same resource group.

@description('The name of the Azure Communication Services resource that writes the logs.')
param communicationServiceName string

@description('The name of the Event Hubs namespace to create. It must be unique in all of Azure.')
@minLength(6)
@maxLength(50)
param namespaceName string

@description('The region of the new resources. The ACS resource itself is global.')
param location string = resourceGroup().location

@description('The number of partitions, which is final in Standard. There are few ACS logs: two are enough for a very large contact centre.')
@minValue(1)
@maxValue(32)
param partitionCount int = 2

@description('The retention of the event hub in hours. The exporter can be down for this long without losing events.')
@minValue(1)
@maxValue(168)
param retentionInHours int = 72

@description('The OIDC issuer of the Kubernetes cluster, for a workload identity. If empty, no cluster is trusted.')
param clusterIssuer string = ''

@description('The service account of the exporter, if a cluster is trusted.')
param serviceAccount string = 'system:serviceaccount:monitoring:acs-recording-exporter'

@description('The service account of KEDA, which uses the identity of the exporter. If empty, KEDA is not trusted.')
param kedaServiceAccount string = ''

@description('Create a key that can only listen to the event hub, for a connection string.')
param createListenKey bool = false

@description('The IPv4 addresses or ranges that may connect to the namespace. Azure Monitor always may. If empty, there is no firewall.')
param allowedAddresses string[] = []

@description('The name of the storage account to create, for leases and checkpoints in blobs. It must be unique in all of Azure. If empty, none is created.')
@maxLength(24)
param storageAccountName string = ''

var eventHubName = 'acs-logs'
var consumerGroupName = 'acs-recording-exporter'
var containerName = 'acs-recording-exporter'

// What the token of the service account must be for, in each cloud.
var audiences = {
  AzureCloud: 'api://AzureADTokenExchange'
  AzureUSGovernment: 'api://AzureADTokenExchangeUSGov'
  AzureChinaCloud: 'api://AzureADTokenExchangeChina'
}
var audience = audiences[environment().name]

// Built-in roles have the same ids everywhere.
var eventHubsDataReceiver = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')
var storageBlobDataContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')

resource communicationService 'Microsoft.Communication/communicationServices@2023-04-01' existing = {
  name: communicationServiceName
}

// Standard, because Basic has only the consumer group $Default, and no firewall.
resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  sku: { name: 'Standard', tier: 'Standard', capacity: 1 }
  properties: {
    minimumTlsVersion: '1.2'
    isAutoInflateEnabled: false
  }
}

// Without trusted services, a firewall keeps the diagnostic setting out, and no log arrives.
resource firewall 'Microsoft.EventHub/namespaces/networkRuleSets@2024-01-01' = if (!empty(allowedAddresses)) {
  parent: namespace
  name: 'default'
  properties: {
    defaultAction: 'Deny'
    publicNetworkAccess: 'Enabled'
    trustedServiceAccessEnabled: true
    ipRules: [for address in allowedAddresses: { ipMask: address, action: 'Allow' }]
  }
}

resource eventHub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: eventHubName
  properties: {
    partitionCount: partitionCount
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: retentionInHours }
  }
}

resource consumerGroup 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = {
  parent: eventHub
  name: consumerGroupName
}

// A diagnostic setting names an authorization rule of the namespace. Azure requires all three rights; only Azure uses the rule.
resource diagnosticsRule 'Microsoft.EventHub/namespaces/authorizationRules@2024-01-01' = {
  parent: namespace
  name: 'diagnostics'
  properties: { rights: ['Listen', 'Manage', 'Send'] }
}

// Only one setting may stream a log: a second one doubles every count.
resource diagnosticSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: communicationService
  name: 'acs-recording-exporter'
  properties: {
    eventHubAuthorizationRuleId: diagnosticsRule.id
    eventHubName: eventHub.name
    logs: [
      { category: 'CallRecordingOperational', enabled: true }
      { category: 'CallRecordingSummary', enabled: true }
      { category: 'Usage', enabled: true }
    ]
  }
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'acs-recording-exporter'
  location: location
}

resource trustOfExporter 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = if (!empty(clusterIssuer)) {
  parent: identity
  name: 'kubernetes'
  properties: {
    issuer: clusterIssuer
    subject: serviceAccount
    audiences: [audience]
  }
}

// After the other one: Azure refuses to write two credentials of an identity at a time.
resource trustOfKeda 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = if (!empty(clusterIssuer) && !empty(kedaServiceAccount)) {
  parent: identity
  name: 'keda'
  properties: {
    issuer: clusterIssuer
    subject: kedaServiceAccount
    audiences: [audience]
  }
  dependsOn: [trustOfExporter]
}

// On the event hub, not the namespace: the identity can read only this event hub.
resource mayReceive 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: eventHub
  name: guid(eventHub.id, identity.id, eventHubsDataReceiver)
  properties: {
    roleDefinitionId: eventHubsDataReceiver
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Without Microsoft Entra ID.
resource listenKey 'Microsoft.EventHub/namespaces/eventhubs/authorizationRules@2024-01-01' = if (createListenKey) {
  parent: eventHub
  name: 'exporter'
  properties: { rights: ['Listen'] }
}

// The blobs are small and rewritten every few seconds, so local redundancy is enough. Only identities have access, no keys.
resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' = if (!empty(storageAccountName)) {
  name: empty(storageAccountName) ? 'unused' : storageAccountName
  location: location
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = if (!empty(storageAccountName)) {
  parent: storage
  name: 'default'
  // Leases are rewritten every ten seconds: Azure would keep, and bill, each version and each soft-deleted blob.
  properties: {
    deleteRetentionPolicy: { enabled: false }
    isVersioningEnabled: false
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = if (!empty(storageAccountName)) {
  parent: blobs
  name: containerName
}

// On the container, not the account.
resource mayWriteBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(storageAccountName)) {
  scope: container
  name: guid(container.id, identity.id, storageBlobDataContributor)
  properties: {
    roleDefinitionId: storageBlobDataContributor
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// `https://NAME.servicebus.windows.net:443/`, with the host name of the cloud.
@description('event_hub.namespace')
output namespace string = split(split(namespace.properties.serviceBusEndpoint, '/')[2], ':')[0]
@description('event_hub.names')
output eventHub string = eventHub.name
@description('event_hub.consumer_group')
output consumerGroup string = consumerGroup.name
@description('auth.client_id, or workloadIdentity.clientId of the chart')
output clientId string = identity.properties.clientId
@description('checkpoint.container_url, with checkpoint.store: blob. Empty without a storage account.')
output containerUrl string = empty(storageAccountName) ? '' : 'https://${storageAccountName}.blob.${environment().suffixes.storage}/${containerName}'
