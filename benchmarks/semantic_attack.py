"""Time of the perturbation attack beside the bare gradients of the encoder.

    python -m benchmarks.semantic_attack

The attack (Algorithm 1, judged in float and in 8 bits at the end) on one batch of pairs of rendered
faces against as many forward and backward passes of the same encoder on the same batch, in turn.
The median is reported, on the clock and by the processor's time summed over the cores.
"""

from __future__ import annotations

from experiments.flags import command_line
from experiments.flags.groups import FlagGroup

# As the entry points have it; before TensorFlow is imported.
import experiments  # noqa: F401  # isort: skip

from attacks import PerturbationAttack, SemanticMatch
from benchmarks.timing import bare_gradients, measure, medians
from experiments.face_autoencoder.semantic_terms import semantic_terms
from mofa import encoder, face_model_files
from mofa.face_renderer import Camera, FaceRenderer
from mofa.rendered_faces import RenderedFaces, Settings

FLAGS = FlagGroup()

_PAIRS = FLAGS.integer("pairs", 16, "Pairs in the one batch.", 1)
_STEPS = FLAGS.integer("steps", 50, "Steps of the attack.", 1)
_ROUNDS = FLAGS.integer("rounds", 4, "Timed rounds.", 1)
_FILE = FLAGS.path("encoder", None, "Encoder; the project's own small one by default.")


def main(argv: list[str]) -> None:
    """Print both times and their ratio."""
    del argv
    network, size = encoder.load(_FILE.value)
    model = face_model_files.read()
    people = Settings(identities=2 * _PAIRS.value, images_per_identity=1)
    faces = RenderedFaces(FaceRenderer(model, Camera()), people).images()
    images, others = faces[: _PAIRS.value], faces[_PAIRS.value :]
    criterion = SemanticMatch(network(images), network(others), semantic_terms(model))
    attack = PerturbationAttack(_STEPS.value)
    times = measure(
        {
            "attack": lambda: attack(
                network, images, criterion, epsilons=[0.05], batch_size=len(images)
            ),
            "passes": bare_gradients(network, criterion, images, _STEPS.value),
        },
        _ROUNDS.value,
    )
    clock, processor = medians(times)
    print(
        f"{size.network} of width {size.width:g} at {size.input_size} pixels, {len(images)} pairs "
        f"at {images.shape[1]}x{images.shape[2]}, {_STEPS.value} steps: attack "
        f"{clock['attack']:.2f} s ({processor['attack']:.2f} s of the processor), bare passes "
        f"{clock['passes']:.2f} s ({processor['passes']:.2f} s); ratio "
        f"{clock['attack'] / clock['passes']:.3f} "
        f"({processor['attack'] / processor['passes']:.3f} by processor)."
    )


if __name__ == "__main__":
    command_line.run(main, FLAGS)
