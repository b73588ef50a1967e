# There is no `allow`: whoever is not denied may pass.
package veto

import rego.v1

deny contains {"code": "ANONYMOUS", "message": "log in first"} if not input.subject.authenticated == true

deny contains {"code": "TENANT_MISMATCH", "message": "not yours"} if not same_tenant

deny contains {"code": "RESIDENCY", "message": "not here"} if not at_home

deny contains {"code": "LABEL", "message": "not this label"} if not permitted

deny contains {"code": "SENSITIVE", "message": "not this class"} if not low_enough

same_tenant if {
	input.tenant.id == input.resource.tenant
	data.tenants[input.tenant.id]
}

# A tenant that nobody knows is no mismatch of its own.
same_tenant if {
	is_string(input.tenant.id)
	input.tenant.id == input.resource.tenant
}

at_home if input.context.region == data.tenants[input.tenant.id].region

permitted if input.resource.label in {label | label := data.tenants[input.tenant.id].labels[_]}

low_enough if {
	classes := data.tenants[input.tenant.id].data_classes
	rank[input.resource.classification] <= rank[classes[input.resource.kind]]
}

rank[level] := level if some level in [0, 1, 2, 3]

rank[name] := level if some level, name in ["public", "internal", "confidential", "restricted"]
