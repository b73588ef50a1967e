# The decision; what it compares with lies in another package, and its data beside it.
package split.main

import data.split.lib
import rego.v1

default allow := false

allow if not any_objection

any_objection if some _ in deny

deny contains "UNAUTHENTICATED" if not input.subject.authenticated == true

deny contains "TENANT_MISMATCH" if not own

deny contains "RESIDENCY" if not home

deny contains "LABEL" if not labelled

deny contains "CLASS" if not within

# Rules of their own, because a negated call does not hold where one of its arguments has no value.
own if lib.same(input.tenant.id, input.resource.tenant)

home if lib.same(input.context.region, lib.tenant.region)

labelled if input.resource.label in lib.tenant.labels

within if lib.at_most(input.resource.classification, lib.tenant.data_classes[input.resource.kind])
