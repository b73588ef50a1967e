# It looks at one thing more than the document's input has.
package access

import rego.v1

default allow := false

allow if count(deny) == 0

deny contains "UNAUTHENTICATED" if not input.subject.authenticated == true

deny contains "TENANT_MISMATCH" if not own

deny contains "RESIDENCY" if not home

deny contains "LABEL" if not labelled

deny contains "LEVEL" if not within

deny contains "SUSPENDED" if input.subject.suspended == true

own if {
	is_string(input.tenant.id)
	input.tenant.id == input.resource.tenant
}

tenant := data.tenants[input.tenant.id]

home if input.context.region == tenant.region

labelled if input.resource.label in tenant.labels

within if level(input.resource.classification) <= level(tenant.data_classes[input.resource.kind])

level(value) := value if value in {0, 1, 2, 3}

level("public") := 0

level("internal") := 1

level("confidential") := 2

level("restricted") := 3
