# The decision; what it compares with lies in another package, and its data beside it.
package split.main

import data.split.lib
import rego.v1

default allow := false

allow if not any_objection

any_objection if some _ in deny

deny contains "UNAUTHENTICATED" if not input.subject.authenticated == true

deny contains "TENANT_MISMATCH" if not lib.same(input.tenant.id, input.resource.tenant)

deny contains "RESIDENCY" if not lib.same(input.context.region, lib.tenant.region)

deny contains "LABEL" if not input.resource.label in lib.tenant.labels

deny contains "CLASS" if not lib.at_most(input.resource.classification, lib.tenant.data_classes[input.resource.kind])
