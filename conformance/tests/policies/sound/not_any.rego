# The idiom of most tutorials: allowed if not anything is denied. What is negated is a rule of its own.
package access

import rego.v1

default allow := false

allow if not denied

denied if deny[_]

deny contains "UNAUTHENTICATED" if not input.subject.authenticated == true

deny contains "TENANT_MISMATCH" if not own

deny contains "RESIDENCY" if not home

deny contains "LABEL" if not labelled

deny contains "LEVEL" if not within

own if {
	is_string(input.tenant.id)
	input.tenant.id == input.resource.tenant
}

tenant := data.tenants[input.tenant.id]

home if input.context.region == tenant.region

labelled if not unlabelled

unlabelled if not held

held if tenant.labels[_] == input.resource.label

within if level(input.resource.classification) <= level(tenant.data_classes[input.resource.kind])

level(value) := value if value in {0, 1, 2, 3}

level("public") := 0

level("internal") := 1

level("confidential") := 2

level("restricted") := 3
