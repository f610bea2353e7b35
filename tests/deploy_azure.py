"""Checks deploy/azure without Azure: parses main.bicep, checks its resources and properties against the types that Microsoft
publishes for their API versions, and compares what it creates, name by name and value by value, with the commands of
azure-cli.md. tests/deploy-lint runs it."""

import importlib
import json
import re
import shlex
import sys

import tree_sitter
import tree_sitter_bicep

BICEP, PAGE = "deploy/azure/main.bicep", "deploy/azure/azure-cli.md"

# Where Microsoft's SDK has the model of a type; the module also names the API version.
MODELS = {
    "Microsoft.EventHub/namespaces": ("eventhub", "EHNamespace"),
    "Microsoft.EventHub/namespaces/networkRuleSets": ("eventhub", "NetworkRuleSet"),
    "Microsoft.EventHub/namespaces/authorizationRules": ("eventhub", "AuthorizationRule"),
    "Microsoft.EventHub/namespaces/eventhubs": ("eventhub", "Eventhub"),
    "Microsoft.EventHub/namespaces/eventhubs/authorizationRules": ("eventhub", "AuthorizationRule"),
    "Microsoft.EventHub/namespaces/eventhubs/consumergroups": ("eventhub", "ConsumerGroup"),
    "Microsoft.Insights/diagnosticSettings": ("monitor", "DiagnosticSettingsResource"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("msi", "Identity"),
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials": ("msi", "FederatedIdentityCredential"),
    "Microsoft.Authorization/roleAssignments": ("authorization", "RoleAssignmentCreateParameters"),
    "Microsoft.Storage/storageAccounts": ("storage", "StorageAccountCreateParameters"),
    "Microsoft.Storage/storageAccounts/blobServices": ("storage", "BlobServiceProperties"),
    "Microsoft.Storage/storageAccounts/blobServices/containers": ("storage", "BlobContainer"),
}
# Bicep's own properties of a resource.
LANGUAGE = {"name", "parent", "scope", "dependsOn"}

# The command that creates each type: its words, the options that name its parents and itself, and the property that each other
# option sets. `=` before a property: the option takes a list.
COMMANDS = {
    "eventhubs namespace create": ("Microsoft.EventHub/namespaces", ["name"], {
        "location": "location", "sku": "sku.name", "capacity": "sku.capacity",
        "enable-auto-inflate": "properties.isAutoInflateEnabled", "minimum-tls-version": "properties.minimumTlsVersion"}),
    "eventhubs namespace network-rule-set create": ("Microsoft.EventHub/namespaces/networkRuleSets", ["namespace-name", "=default"], {
        "default-action": "properties.defaultAction", "public-network-access": "properties.publicNetworkAccess",
        "enable-trusted-service-access": "properties.trustedServiceAccessEnabled", "ip-rules": "properties.ipRules"}),
    "eventhubs namespace authorization-rule create": ("Microsoft.EventHub/namespaces/authorizationRules", ["namespace-name", "name"], {
        "rights": "=properties.rights"}),
    "eventhubs eventhub create": ("Microsoft.EventHub/namespaces/eventhubs", ["namespace-name", "name"], {
        "partition-count": "properties.partitionCount", "cleanup-policy": "properties.retentionDescription.cleanupPolicy",
        "retention-time": "properties.retentionDescription.retentionTimeInHours"}),
    "eventhubs eventhub authorization-rule create": (
        "Microsoft.EventHub/namespaces/eventhubs/authorizationRules", ["namespace-name", "eventhub-name", "name"], {"rights": "=properties.rights"}),
    "eventhubs eventhub consumer-group create": (
        "Microsoft.EventHub/namespaces/eventhubs/consumergroups", ["namespace-name", "eventhub-name", "name"], {}),
    "monitor diagnostic-settings create": ("Microsoft.Insights/diagnosticSettings", ["name"], {
        "resource": "scope", "event-hub": "properties.eventHubName", "event-hub-rule": "properties.eventHubAuthorizationRuleId",
        "logs": "properties.logs"}),
    "identity create": ("Microsoft.ManagedIdentity/userAssignedIdentities", ["name"], {"location": "location"}),
    "identity federated-credential create": (
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials", ["identity-name", "name"], {
            "issuer": "properties.issuer", "subject": "properties.subject", "audiences": "=properties.audiences"}),
    "role assignment create": ("Microsoft.Authorization/roleAssignments", ["role"], {
        "role": "properties.roleDefinitionId", "assignee-object-id": "properties.principalId",
        "assignee-principal-type": "properties.principalType", "scope": "scope"}),
    "storage account create": ("Microsoft.Storage/storageAccounts", ["name"], {
        "location": "location", "kind": "kind", "sku": "sku.name", "allow-blob-public-access": "properties.allowBlobPublicAccess",
        "allow-shared-key-access": "properties.allowSharedKeyAccess", "min-tls-version": "properties.minimumTlsVersion",
        "https-only": "properties.supportsHttpsTrafficOnly"}),
    "storage account blob-service-properties update": ("Microsoft.Storage/storageAccounts/blobServices", ["account-name", "=default"], {
        "enable-versioning": "properties.isVersioningEnabled", "enable-delete-retention": "properties.deleteRetentionPolicy.enabled"}),
    "storage container-rm create": (
        "Microsoft.Storage/storageAccounts/blobServices/containers", ["storage-account", "=default", "name"], {}),
}
# The same in both languages.
PARAMETERS = {"$NAMESPACE": "namespaceName", "$LOCATION": "location", "$STORAGE": "storageAccountName", "$ACS": "communicationServiceName",
              "$ISSUER": "clusterIssuer", "$AUDIENCE": "audience"}
ROLES = {"a638d3c7-ab3a-418d-83e6-5f17a39d4fde": "Azure Event Hubs Data Receiver",
         "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor"}
# What a reader of the page writes instead: bicep takes these from a parameter.
EXAMPLES = {"properties.ipRules", "properties.subject"}


def text(node):
    return node.text.decode()


def string(node):
    return text(node)[1:-1]


class Template:
    """The resources of main.bicep, with variables and the defaults of parameters filled in."""

    def __init__(self, source):
        language = tree_sitter.Language(tree_sitter_bicep.language())
        tree = tree_sitter.Parser(language).parse(source.encode())
        if tree.root_node.has_error:
            sys.exit(f"{BICEP}: does not parse: {tree.root_node}")
        self.values, self.resources = {}, {}
        declared = []
        for node in tree.root_node.children:
            if node.type in ("parameter_declaration", "variable_declaration"):
                name = text(next(child for child in node.children if child.type == "identifier"))
                declared.append(name)
                if any(child.type == "=" for child in node.children):
                    self.values[name] = node.children[-1]
            elif node.type == "resource_declaration":
                self.resources[text(node.children[1])] = node
        unused = [name for name in declared if len(re.findall(rf"\b{name}\b", re.sub("//.*", "", source))) < 2]
        if unused:
            sys.exit(f"{BICEP}: unused: {unused}")

    def body(self, symbol):
        node = self.resources[symbol]
        return next(found for found in descendants(node) if found.type == "object")

    def type(self, symbol):
        return string(self.resources[symbol].children[2]).split("@")

    def existing(self, symbol):
        return any(child.type == "existing" for child in self.resources[symbol].children)

    def path(self, symbol):
        """The names of the parents and its own, as the options of a command give them."""
        body = properties(self.body(symbol))
        if self.type(symbol)[0] == "Microsoft.Authorization/roleAssignments":
            return (self.value(properties(body["properties"])["roleDefinitionId"]),)
        parents = self.path(text(body["parent"])) if "parent" in body else ()
        name = self.value(body["name"])
        return (*parents, name.split(" : ")[-1] if isinstance(name, str) else name)

    def reference(self, symbol, member=None):
        return "/".join((self.type(symbol)[0], *self.path(symbol))) + (f" {member}" if member else "")

    def value(self, node):
        if node.type == "string" and "${" not in text(node):
            return string(node)
        if node.type in ("number", "boolean", "integer"):
            return json.loads(text(node))
        if node.type == "array":
            return [self.value(child) for child in node.named_children]
        if node.type == "object":
            return {key: self.value(child) for key, child in properties(node).items()}
        source = text(node)
        role = re.search(r"roleDefinitions', '([0-9a-f-]+)'", source)
        if role:
            return ROLES[role[1]]
        symbol, _, member = source.partition(".")
        if symbol in self.resources:
            if member == "name":
                return self.path(symbol)[-1]
            return self.reference(symbol, member.rpartition(".")[2] or None)
        if node.type == "identifier" and source in self.values and source not in PARAMETERS.values():
            return self.value(self.values[source])
        return source


def descendants(node):
    for child in node.children:
        yield child
        yield from descendants(child)


def properties(node):
    return {text(child.children[0]): child.children[-1] for child in node.named_children if child.type == "object_property"}


def check_types(template):
    """Every property exists in the type of the API version, and none that Azure requires is missing."""
    wrong = []

    def check(model, models, node, at, prefix="", outside=()):
        fields = {entry["key"].replace("\\.", "·"): (entry["type"], model._validation.get(name, {}))
                  for name, entry in model._attribute_map.items()}
        given = set()
        for key, child in properties(node).items():
            path = prefix + key
            if path in outside:
                continue
            if path not in fields and any(field.startswith(path + ".") for field in fields):
                given |= check(model, models, child, at, path + ".")
                continue
            if path not in fields or fields[path][1].get("readonly"):
                wrong.append(f"{at}: no property `{path}` that can be set")
                continue
            given.add(path)
            kind = fields[path][0]
            nested = getattr(models, kind.strip("[]{}"), None)
            objects = [found for found in (child, *child.named_children) if found.type == "object"]
            loops = [found for found in descendants(child) if found.type == "object"] if child.type == "for_statement" or any(
                found.type == "for_statement" for found in child.named_children) else []
            if nested is not None and hasattr(nested, "_attribute_map"):
                for each in loops or objects:
                    check(nested, models, each, f"{at}.{path}")
            elif kind in ("bool", "int") and not isinstance(template.value(child), {"bool": bool, "int": int}[kind]):
                wrong.append(f"{at}.{path}: not of type {kind}")
        if not prefix:
            missing = [field for field, (_, rules) in fields.items()
                       if rules.get("required") and not rules.get("readonly") and field not in given]
            if missing:
                wrong.append(f"{at}: missing {missing}")
        return given

    for symbol in template.resources:
        kind, version = template.type(symbol)
        if template.existing(symbol):
            continue
        package, model = MODELS[kind]
        try:
            models = importlib.import_module(f"azure.mgmt.{package}.v{version.replace('-', '_')}.models")
        except ModuleNotFoundError:
            wrong.append(f"{symbol}: no API version {version} of {kind}")
            continue
        check(getattr(models, model), models, template.body(symbol), symbol, outside=LANGUAGE)
    return wrong


def flatten(value, path=""):
    if isinstance(value, dict):
        return {key: leaf for name, child in value.items() for key, leaf in flatten(child, f"{path}.{name}" if path else name).items()}
    return {path: value}


def created_by_bicep(template):
    created = {}
    for symbol in template.resources:
        if template.existing(symbol):
            continue
        body = {key: template.value(child) for key, child in properties(template.body(symbol)).items() if key not in LANGUAGE - {"scope"}}
        leaves = flatten(body)
        leaves.pop("sku.tier", None)  # the same as its name; the commands have no option for it
        created[template.reference(symbol)] = leaves
    return created


def options(words):
    found = {}
    for word in words:
        if word.startswith("--"):
            found[name := word[2:]] = []
        else:
            found[name].append(word)
    return found


def commands(page):
    """Every `az` command of the page, with what it is assigned to or nested in cut off."""
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("az "):
                yield shlex.split(line)


def split_command(words):
    at = next((index for index, word in enumerate(words) if word.startswith("--")), len(words))
    return " ".join(words[1:at]), options(words[at:])


def identity_of(command, given):
    """`TYPE/NAMES` of what a command is about."""
    kind, names, _ = COMMANDS[command]
    return "/".join((kind, *(name[1:] if name.startswith("=") else PARAMETERS.get(given[name][0], given[name][0]) for name in names)))


def shell_value(word):
    nested = re.fullmatch(r"\$\((az .*)\)", word)
    if nested:
        command, given = split_command(shlex.split(nested[1]))
        query = given["query"][0]
        if command == "communication show":
            return "Microsoft.Communication/communicationServices/" + PARAMETERS[given["name"][0]]
        return identity_of(command.removesuffix("show") + "create", given) + f" {query}"
    if word[:1] in "[{" or word in ("true", "false") or word.isdigit():
        return json.loads(word)
    return PARAMETERS.get(word, word)


def created_by_commands(page):
    created = {}
    for words in commands(page):
        command, given = split_command(words)
        if command not in COMMANDS:
            if re.search(r"\b(create|update|add|set)\b", command) and command != "extension add":
                sys.exit(f"{PAGE}: `az {command}` is not compared with {BICEP}")
            continue
        _, names, flags = COMMANDS[command]
        leaves = {}
        for flag, value in given.items():
            if flag in names and flag not in flags or flag == "resource-group":
                continue
            if flag not in flags:
                sys.exit(f"{PAGE}: --{flag} of `az {command}` is not compared with {BICEP}")
            path = flags[flag]
            leaves[path.removeprefix("=")] = [shell_value(word) for word in value] if path.startswith("=") else shell_value(value[0])
        if "scope" in leaves:
            leaves["scope"] = leaves["scope"].removesuffix(" id")
        created[identity_of(command, given)] = leaves
    return created


def differences(bicep, page):
    for resource in sorted(bicep.keys() | page.keys()):
        if resource not in page or resource not in bicep:
            yield f"{resource}: only in {BICEP if resource in bicep else PAGE}"
            continue
        for path in sorted(bicep[resource].keys() | page[resource].keys()):
            left, right = bicep[resource].get(path), page[resource].get(path)
            if left != right and not (path in EXAMPLES and left is not None and right is not None):
                yield f"{resource}: `{path}` is {left!r} in bicep and {right!r} in the commands"


def audiences(source):
    return sorted(set(re.findall(r"api://\w+", source)))


def main():
    source, page = open(BICEP).read(), open(PAGE).read()
    template = Template(source)
    bicep, by_hand = created_by_bicep(template), created_by_commands(page)
    wrong = [*check_types(template), *differences(bicep, by_hand)]
    if audiences(source) != audiences(page):
        wrong.append(f"audiences: {audiences(source)} in bicep, {audiences(page)} in the commands")
    print(f"{len(bicep)} resources in bicep and in the commands, {sum(map(len, bicep.values()))} values compared; "
          "every property is in Microsoft's published types")
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
