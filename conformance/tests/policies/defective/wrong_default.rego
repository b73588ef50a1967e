# Allowed unless somebody objects, and nobody can object to what is undefined.
# breaks: POL-01
# shows: subject.authenticated is missing
package access

import rego.v1

default allow := true

allow := false if count(deny) > 0

deny contains "UNAUTHENTICATED" if input.subject.authenticated == false

deny contains "TENANT_MISMATCH" if input.tenant.id != input.resource.tenant

deny contains "RESIDENCY" if input.context.region != data.tenants[input.tenant.id].region

deny contains "LABEL" if not input.resource.label in data.tenants[input.tenant.id].labels

deny contains "LEVEL" if input.resource.classification > data.tenants[input.tenant.id].data_classes[input.resource.kind]
