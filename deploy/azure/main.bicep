// NOT EXECUTED: nobody has deployed or compiled this file yet. Read `az deployment group what-if` before you create.
//
// What the exporter reads from: a namespace with one event hub and a consumer group of its own, the diagnostic setting
// that streams the three logs of an ACS resource into it, and the right to listen for one identity. The storage account
// is for replicas that share the partitions (docs/replicas.md): off unless asked for.
//
//   az deployment group create --resource-group GROUP --template-file deploy/azure/main.bicep \
//     --parameters communicationServiceName=contoso namespaceName=contoso-acs-logs principalId=OBJECT_ID
//
// The ACS resource exists already, in the same resource group.

@description('The name of the Azure Communication Services resource whose logs are read.')
param communicationServiceName string

@description('The name of the Event Hubs namespace to create. It is unique in all of Azure.')
@minLength(6)
@maxLength(50)
param namespaceName string

@description('The object id of the identity that reads: a managed identity, or the service principal of an application.')
param principalId string

@description('Where to create it. The region of the ACS resource is not asked for: its own is global.')
param location string = resourceGroup().location

@description('How many partitions. ACS logs are few: two are enough for a very large contact centre.')
@minValue(1)
@maxValue(32)
param partitionCount int = 2

@description('How long events are kept, in hours: for so long the exporter may be away.')
@minValue(1)
@maxValue(168)
param retentionInHours int = 72

@description('The name of a storage account to create, for leases and checkpoints in blobs. It is unique in all of Azure. Empty: none is created.')
@maxLength(24)
param storageAccountName string = ''

var eventHubName = 'acs-logs'
var consumerGroupName = 'acs-recording-exporter'
var containerName = 'acs-recording-exporter'

// Built-in roles, by the ids that are the same everywhere.
var eventHubsDataReceiver = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')
var storageBlobDataContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')

resource communicationService 'Microsoft.Communication/communicationServices@2023-04-01' existing = {
  name: communicationServiceName
}

// Standard: Basic has no consumer group but $Default.
resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  sku: { name: 'Standard', tier: 'Standard', capacity: 1 }
  properties: {
    minimumTlsVersion: '1.2'
    isAutoInflateEnabled: false
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

// Diagnostic settings name a rule of the namespace, and Azure asks for all three rights of it. Azure alone uses it.
resource diagnosticsRule 'Microsoft.EventHub/namespaces/authorizationRules@2024-01-01' = {
  parent: namespace
  name: 'diagnostics'
  properties: { rights: ['Listen', 'Manage', 'Send'] }
}

// One setting alone may stream a log: a second one doubles every number.
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

// On the hub, not the namespace: to read this one is all that it may.
resource mayReceive 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: eventHub
  name: guid(eventHub.id, principalId, eventHubsDataReceiver)
  properties: {
    roleDefinitionId: eventHubsDataReceiver
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// Some kilobytes that live for seconds: local redundancy is enough, and an identity the only way in.
resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = if (!empty(storageAccountName)) {
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

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = if (!empty(storageAccountName)) {
  parent: storage
  name: 'default'
  // Leases are rewritten every ten seconds: each version and each soft-deleted blob would be kept, and paid for.
  properties: {
    deleteRetentionPolicy: { enabled: false }
    isVersioningEnabled: false
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = if (!empty(storageAccountName)) {
  parent: blobs
  name: containerName
}

// On the container, not the account.
resource mayWriteBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(storageAccountName)) {
  scope: container
  name: guid(container.id, principalId, storageBlobDataContributor)
  properties: {
    roleDefinitionId: storageBlobDataContributor
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

@description('event_hub.namespace')
output namespace string = '${namespace.name}.servicebus.windows.net'
@description('event_hub.names')
output eventHub string = eventHub.name
@description('event_hub.consumer_group')
output consumerGroup string = consumerGroup.name
@description('checkpoint.container_url, with checkpoint.store: blob. Empty without a storage account.')
output containerUrl string = empty(storageAccountName) ? '' : 'https://${storageAccountName}.blob.${environment().suffixes.storage}/${containerName}'
