"""Speed and success of FGSM and PGD against foolbox, ART and cleverhans.

    python -m benchmarks.attacks
    python -m benchmarks.attacks --output=runs/benchmark_attacks/result.json

All attack the same network (dlib's), images (faces of ORL, pairs of one person), epsilon and steps,
from the image itself and without keeping the best iterate, and hand back the images. The floor is
the bare compiled network: as many of its gradients as the attack takes steps. Success is judged
afterwards, for all alike, by the network in float32. The order changes from round to round, so that
each takes every place equally often; the median is reported, on the clock and by the processor's
time summed over the cores, which other work on the machine inflates less. On a processor that
computes in bfloat16 the network runs in `mixed_bfloat16` as well. --output keeps the numbers, for
`experiments.results_page`.

The last case is robust accuracy over many pairs: gradients and seconds of PGD in stages, which
leaves alone who is broken, beside PGD and APGD on all pairs.

Peers come with `pip install -e '.[bench]'`; missing ones are named and left out.
"""

from __future__ import annotations

import time

import numpy as np

from experiments.flags import command_line, run_flags
from experiments.flags.groups import FlagGroup

# As the entry points have it; before TensorFlow is imported.
import experiments  # noqa: F401  # isort: skip
import tensorflow as tf

from attacks import FGSM, PGD, Attack, Dodging, judge, stored
from attacks.stochastic import Deterministic
from benchmarks import result
from benchmarks.many_pairs import many_pairs
from benchmarks.peers import PEERS, Craft, Task, installed_peers
from benchmarks.timing import Times, bare_gradients, measure, medians
from experiments.flags import file_flags
from experiments.flags.run_flags import SEED
from experiments.running.precision import settle_precision
from experiments.running.results import Measurement, Row
from resgn.faces.orl import load_orl
from resgn.legitimate_pairs import Counts, LegitimatePairs, legitimate_pairs
from resgn.target import Target, load_target, to_float

FLAGS = FlagGroup(file_flags.FLAGS, run_flags.FLAGS)

_IMAGES = FLAGS.integer("images", 32, "Images in the one batch.", 1)
_STEPS = FLAGS.integer("steps", 40, "Steps of PGD.", 1)
_EPSILON = FLAGS.number("epsilon", 0.03, "L-infinity budget, images in [0, 1].", "[0, 1]")
_RELATIVE_STEP = FLAGS.number("relative_step", 0.1, "PGD's step as a share of epsilon.", "[0, inf)")
_ROUNDS = FLAGS.integer("rounds", 0, "Timed rounds; 0: as many as there are rows.", 0)
_CASES = ["FGSM", "PGD", "many_pairs"]
_ATTACKS = FLAGS.choices("attack", _CASES, _CASES, "What to time.")
_BUDGETS = FLAGS.numbers(
    "budgets", [0.004, 0.03], "Budgets of many_pairs, images in [0, 1].", "(0, 1]"
)
_BFLOAT16 = FLAGS.choice(
    "bfloat16", "auto", ["auto", "yes", "no"], "Run in mixed_bfloat16, too; auto: where it is fast."
)

OURS, JUDGED, FLOOR = "attacks", "attacks, judged", "floor"
LOW = ", bfloat16"
RATES = ("success", "success_8bit", "robust")
"""Columns in percent."""

NOTES = (
    "All attack dlib's network on the same faces of ORL in one batch, in turn. images_per_second, "
    "and processor_ms (milliseconds of the processor an image, summed over the cores): median of "
    "the rounds, quartiles in round brackets. ratio: time as a multiple of the floor's, which is "
    "as many gradients of the bare compiled network in float32 as the attack takes steps. speedup: "
    "times the speed of the fastest other library. success: percent that dodge, 95 % Wilson "
    "interval in round brackets, judged by the network in float32; success_8bit: of the images "
    "as files of 8 bits hold them. judged: the time includes judging each image in float and in "
    "8 bits. many_...: robust accuracy at the budget of the row's name, by PGD of as many steps "
    "from a random start on all images, by APGD on all, and by PGD in stages, which leaves alone "
    "who is broken; gradients for each image, those included by which a batch is filled up; ratio "
    "to PGD on all; seconds of all images; robust: percent that holds out, as files hold them."
)

Columns = dict[str, Measurement]


def main(argv: list[str]) -> None:
    """Print one table for each attack, and write both into one result."""
    del argv
    began = time.monotonic()
    target = load_target("dlib")
    pairs, probes, references = _faces(target, _IMAGES.value)
    images = to_float(pairs.images[probes]).numpy()
    criterion = Dodging(pairs.embeddings[references], pairs.threshold)

    networks: dict[str, Deterministic] = {"": target}
    if _BFLOAT16.value == "yes" or (
        _BFLOAT16.value == "auto" and settle_precision("auto") == "mixed_bfloat16"
    ):
        networks[LOW] = _LowPrecision(target)
    task = Task(
        tf.function(lambda x: _logits(target, criterion, x)),
        images,
        _EPSILON.value,
        _STEPS.value,
        _RELATIVE_STEP.value,
    )
    peers, missing = installed_peers(task)
    setting = (
        f"{len(images)} images, epsilon {task.epsilon:g}, PGD of {task.steps} steps of "
        f"{task.relative_step:g} epsilon, threshold {pairs.threshold:.4f}."
    )
    print("\n".join([setting, *missing]))
    own = {
        "FGSM": FGSM(),
        "PGD": PGD(
            task.steps, relative_step=task.relative_step, random_start=False, keep_best=False
        ),
    }
    kept = {
        "FGSM": own["FGSM"],
        "PGD": PGD(task.steps, relative_step=task.relative_step, random_start=False),
    }
    found: dict[str, Columns] = {}
    for name, steps in (("FGSM", 1), ("PGD", task.steps)):
        if name not in _ATTACKS.value:
            continue
        rows: dict[str, Craft] = {}
        for ending, network in networks.items():
            rows[FLOOR + ending] = bare_gradients(network, criterion, images, steps)
            rows[OURS + ending] = _craft(own[name], network, criterion, task)
            rows[JUDGED + ending] = _attack(kept[name], network, criterion, task)
        rows |= {peer: crafts[name] for peer, crafts in peers.items()}
        table = columns(measure(rows, _ROUNDS.value), target, criterion, list(peers), task)
        _print_table(name, table)
        for row, values in table.items():
            found.setdefault(row, {}).update(
                {f"{name.lower()}_{column}": value for column, value in values.items()}
            )
    if "many_pairs" in _ATTACKS.value:
        many = many_pairs(target, images, criterion, _BUDGETS.value, task.steps, _ROUNDS.value)
        _print_many(many)
        found |= {
            row: {f"many_{column}": value for column, value in values.items()}
            for row, values in many.items()
        }
    names = dict.fromkeys(column for row in found.values() for column in row)
    absent = [peer for peer in PEERS if peer not in peers]
    left_out = [f"Left out: {', '.join(absent)}."] * bool(absent)
    result.keep(
        "benchmark_attacks",
        [Row(row, values) for row, values in found.items()],
        time.monotonic() - began,
        "library",
        " ".join([setting, *left_out, NOTES]),
        tuple(column for column in names if not column.endswith(RATES)),
    )


class _LowPrecision:
    """The target with its network in mixed_bfloat16 and its embedding in float32."""

    def __init__(self, target: Target) -> None:
        self._prepare = target.prepare
        policy = tf.keras.mixed_precision.global_policy()
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        try:  # layers take the policy when they are made
            self._network = target.network_at(target.input_size)
        finally:
            tf.keras.mixed_precision.set_global_policy(policy)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Unit embeddings, float32 `[N, D]`."""
        outputs = self._network(self._prepare(images), training=False)
        return tf.math.l2_normalize(tf.cast(outputs, tf.float32), axis=-1)


def _faces(target: Target, count: int) -> tuple[LegitimatePairs, np.ndarray, np.ndarray]:
    """Pairs of one person that the target verifies correctly, as Table 1 takes them."""
    pairs = legitimate_pairs(
        load_orl(), target, Counts((count, 1), (1, 1), (1, 1)), True, SEED.value
    )
    chosen = pairs.parts["train"]
    rows = np.flatnonzero(chosen.same)[:count]
    return pairs, chosen.probe[rows], chosen.reference[rows]


def _logits(network: Target, criterion: Dodging, images: tf.Tensor) -> tf.Tensor:
    margin = criterion.margin(network(images), *criterion.tensors())
    return tf.stack([-margin, margin], axis=-1)


def _craft(attack: Attack, network: Deterministic, criterion: Dodging, task: Task) -> Craft:
    return lambda: attack.craft(
        network, task.images, criterion, epsilons=[task.epsilon], batch_size=len(task.images)
    )[0]


def _attack(attack: Attack, network: Deterministic, criterion: Dodging, task: Task) -> Craft:
    return lambda: attack(
        network, task.images, criterion, epsilons=[task.epsilon], batch_size=len(task.images)
    ).perturbed[0]


def columns(
    times: Times, network: Deterministic, criterion: Dodging, peers: list[str], task: Task
) -> dict[str, Columns]:
    """What one attack's times and images say, for each of its rows.

    Args:
      times: of the rows, `FLOOR` among them.
      network: judges, in float32.
      criterion: with one row of data for each image.
      peers: which rows are other libraries'.
      task: whose images and epsilon the attacks had.
    """
    clock, processor = medians(times)
    fastest = min(peers, key=clock.__getitem__, default=None)
    count = len(criterion)
    found: dict[str, Columns] = {}
    for name, (images, seconds, busy) in times.items():
        rounds = len(seconds)
        row = {
            "images_per_second": Measurement.quartiles(count / np.array(seconds)),
            "processor_ms": Measurement.quartiles(1e3 * np.array(busy) / count),
            "ratio": Measurement.bare(clock[name] / clock[FLOOR], rounds),
            "processor_ratio": Measurement.bare(processor[name] / processor[FLOOR], rounds),
        }
        if not name.startswith(FLOOR):
            if fastest is not None:
                speedup, by_processor = (each[fastest] / each[name] for each in (clock, processor))
                row["speedup"] = Measurement.bare(speedup, rounds)
                row["processor_speedup"] = Measurement.bare(by_processor, rounds)
            kept = stored(np.asarray(images), task.images, task.epsilon)
            judged = (
                judge(network, each[np.newaxis], criterion, batch_size=count)[1]
                for each in (images, kept)
            )
            row |= dict(zip(RATES[:2], map(Measurement.rate, judged), strict=True))
        found[name] = row
    return found


def _print_table(attack: str, table: dict[str, Columns]) -> None:
    print(f"\n## {attack}\n")
    print(
        "| | images/s | quartiles | processor, ms an image | time / floor | processor / floor "
        "| success | success in 8 bits |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, row in table.items():
        speed = row["images_per_second"]
        judged = " | ".join(f"{row[rate].value:.1%}" if rate in row else "" for rate in RATES[:2])
        print(
            f"| {name} | {speed.value:.2f} | {speed.low:.2f}-{speed.high:.2f} "
            f"| {row['processor_ms'].value:.1f} | {row['ratio'].value:.3f} "
            f"| {row['processor_ratio'].value:.3f} | {judged} |",
            flush=True,
        )
    for name, row in table.items():
        if name.startswith(OURS) and "speedup" in row:
            print(
                f"\n{name}: {row['speedup'].value:.2f} times the speed of the fastest peer "
                f"({row['processor_speedup'].value:.2f} by processor)."
            )
    own = min(1.0, 1.0 / table[OURS]["ratio"].value)
    print(f"\nOf the time of {OURS} {own:.1%} are the network's own gradients.")


def _print_many(table: dict[str, Columns]) -> None:
    print("\n## Robust accuracy over many pairs\n")
    print("| | gradients an image | of PGD on all | seconds | hold out in 8 bits |")
    print("|---|---|---|---|---|")
    for name, row in table.items():
        print(
            f"| {name} | {row['gradients'].value:.1f} | {row['ratio'].value:.3f} "
            f"| {row['seconds'].value:.2f} | {row['robust'].value:.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    command_line.run(main, FLAGS)
