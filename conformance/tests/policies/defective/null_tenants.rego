# Two tenants that are both nobody are the same.
# breaks: TEN-02
# shows: tenant.id is no value, resource.tenant is no value
package access

import rego.v1

default allow := false

allow if count(deny) == 0

deny contains "UNAUTHENTICATED" if not input.subject.authenticated == true

deny contains "TENANT_MISMATCH" if not own

deny contains "RESIDENCY" if not home

deny contains "LABEL" if not labelled

deny contains "LEVEL" if not within

own if object.get(input, ["tenant", "id"], null) == object.get(input, ["resource", "tenant"], null)

nobody := {
	"region": input.context.region,
	"labels": [input.resource.label],
	"data_classes": {input.resource.kind: 0},
}

tenant := object.get(data.tenants, object.get(input, ["tenant", "id"], null), nobody)

home if input.context.region == tenant.region

labelled if input.resource.label in tenant.labels

within if level(input.resource.classification) <= level(tenant.data_classes[input.resource.kind])

level(value) := value if value in {0, 1, 2, 3}

level("public") := 0

level("internal") := 1

level("confidential") := 2

level("restricted") := 3
