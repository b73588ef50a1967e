package helpers

import rego.v1

limit := 3
