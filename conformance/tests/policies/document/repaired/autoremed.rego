package autoremed

action["pause_rollout"] { input.slo.burnrate > 2.0; not cooldown("pause_rollout") }
action["scale_out"] { input.slo.latency_p95 > 300; input.capacity.cpu > 70 }

cooldown(a) { time.now_ns() - input.last[a] > 10 * 60 * 1e9 }
