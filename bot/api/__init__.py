"""The REST API for the systems of the programme: cases, stages, appointments, opt-outs, counts."""
