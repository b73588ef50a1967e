# Rego v0: bodies without `if`, a partial set by brackets, reasons as objects.
package platform.access

default allow = false

allow {
	count(deny) == 0
}

deny[{"code": "UNAUTHENTICATED"}] {
	not input.subject.authenticated == true
}

deny[{"code": "TENANT_MISMATCH"}] {
	not own
}

deny[{"code": "RESIDENCY"}] {
	not home
}

deny[{"code": "LABEL"}] {
	not labelled
}

deny[{"code": "CLASSIFICATION"}] {
	not within
}

own {
	is_string(input.tenant.id)
	input.tenant.id == input.resource.tenant
}

home {
	input.context.region == data.tenants[input.tenant.id].region
}

labelled {
	data.tenants[input.tenant.id].labels[_] == input.resource.label
}

within {
	rank[input.resource.classification] <= rank[data.tenants[input.tenant.id].data_classes[input.resource.kind]]
}

rank = {
	0: 0, 1: 1, 2: 2, 3: 3,
	"public": 0, "internal": 1, "confidential": 2, "restricted": 3,
}
