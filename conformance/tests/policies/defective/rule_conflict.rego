# Two rules decide at once: a complete rule has one value, or the whole query fails.
# breaks: POL-01
# shows: fails instead of answering
package access

import rego.v1

default allow := false

tenant := data.tenants[input.tenant.id]

allow := true if {
	input.subject.authenticated == true
	input.tenant.id == input.resource.tenant
	input.context.region == tenant.region
	input.resource.label in tenant.labels
}

allow := false if count(deny) > 0

deny contains "TENANT_MISMATCH" if not input.tenant.id == input.resource.tenant

deny contains "RESIDENCY" if not input.context.region == tenant.region

deny contains "LABEL" if not input.resource.label in tenant.labels

deny contains "LEVEL" if not input.resource.classification <= tenant.data_classes[input.resource.kind]

deny contains "UNAUTHENTICATED" if not input.subject.authenticated == true
