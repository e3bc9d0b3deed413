"""flows/process.yaml: its stages are those of stages.yaml, every one can be reached and every one goes on or ends."""

from collections.abc import Iterator

from bot.content.checking.book import Book, Fault
from bot.content.process import ProcessSpec
from bot.errors import FlowError

LAST = "FINALISED"


def process_faults(book: Book) -> Iterator[Fault]:
    """All of them."""
    source = book.loaded.sources["process"]
    try:
        spec: ProcessSpec = source.parse(ProcessSpec)
    except FlowError as error:
        yield from (Fault.of(line) for line in str(error).splitlines())
        return
    yield from _names(book, spec)
    yield from _ways(book, spec)


def _names(book: Book, spec: ProcessSpec) -> Iterator[Fault]:
    told = book.flows.stages
    for code in (code for code in told if code not in spec.main and code not in spec.exceptional):
        yield Fault(book.table("process"), f"the stage '{code}' is missing.", "Say who moves a file there.")
    for group, rules in (("main", spec.main), ("exceptional", spec.exceptional)):
        for code, rule in rules.items():
            place = book.table("process", group, code)
            if code not in told:
                yield Fault(
                    place, f"'{code}' is not in stages.yaml.", "Write there how it is told, or take it out here."
                )
            for other in (one for one in (*rule.next, *rule.only_from) if one not in spec.main):
                yield Fault(
                    place, f"'{code}' names '{other}', which is no main stage.", f"Known: {', '.join(spec.main)}."
                )


def _ways(book: Book, spec: ProcessSpec) -> Iterator[Fault]:
    first = next(iter(spec.main))
    reached, waiting = {first}, [first]
    while waiting:
        for code in spec.main[waiting.pop()].next:
            if code in spec.main and code not in reached:
                reached.add(code)
                waiting.append(code)
    for code, rule in spec.main.items():
        place = book.table("process", "main", code)
        if code not in reached:
            yield Fault(place, f"nothing leads from {first} to '{code}'.", "Name it under `next` of another stage.")
        if bool(rule.next) == rule.ends:
            yield Fault(place, f"'{code}' must either name what follows or end.", "Write `next`, or `ends: true`.")
    for code, rule in spec.exceptional.items():
        if rule.resumes == rule.ends:
            place = book.table("process", "exceptional", code)
            yield Fault(place, f"'{code}' must either lead back or end.", "Write `resumes: true` or `ends: true`.")
    if LAST not in spec.main or not spec.main[LAST].ends:
        yield Fault(book.table("process", "main"), f"the main stages do not end with {LAST}.", f"Let {LAST} end.")
