package split.lib

import rego.v1

tenant := data.tenants[input.tenant.id]

same(a, b) if {
	is_string(a)
	a == b
}

at_most(a, b) if rank(a) <= rank(b)

rank(level) := position if {
	some position, name in ["public", "internal", "confidential", "restricted"]
	level in {position, name}
}
