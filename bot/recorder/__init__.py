"""The recorder: moves what turns wrote into the journal on to PostgreSQL, once, in order.

`loop` runs the process, `shards` shares the 64 shards among recorders, `batch` records one batch in
one transaction, `rows` writes turns and contacts, `orders` carries out the effects.
"""

from bot.recorder.batch import Recording, record_shard
from bot.recorder.loop import Recorder, backlog, run

__all__ = ["Recorder", "Recording", "backlog", "record_shard", "run"]
