# Each reason to deny is demanded by a test of its own.
package split.main_test

import data.split.main
import rego.v1

own := {
	"subject": {"authenticated": true},
	"tenant": {"id": "north"},
	"context": {"region": "EU"},
	"resource": {"tenant": "north", "label": "pii", "kind": "audit", "classification": "internal"},
}

test_own_records_are_permitted if main.allow with input as own

test_strangers_are_not if main.deny == {"UNAUTHENTICATED"} with input as object.union(own, {"subject": {"authenticated": false}})

test_other_tenants_are_not if {
	main.deny == {"TENANT_MISMATCH"} with input as object.union(own, {"resource": {"tenant": "south"}})
}

test_other_regions_are_not if main.deny == {"RESIDENCY"} with input as object.union(own, {"context": {"region": "US"}})

test_other_labels_are_not if main.deny == {"LABEL"} with input as object.union(own, {"resource": {"label": "internal"}})

test_higher_levels_are_not if {
	south := object.union(own, {"tenant": {"id": "south"}, "context": {"region": "US"}})
	main.deny == {"CLASS"} with input as object.union(south, {"resource": {"tenant": "south", "classification": 2}})
}
