"""Train the default texture critic: to tell people apart on LFW and CelebA.

    python -m experiments.train_texture_critic --lfw_dir=... --celeba_dir=...

Its fc7 then serves ResGN's texture loss (Eq. 4) where the released VGG-Face is not at hand. It
learns from the crops of all targets, and sees nobody on whom ResGN is tested with the same --seed:
they measure its verification. The run's folder gets `texture_critic.h5`, which
`--texture=vgg_face --vgg_face_weights=...` takes.
"""

from __future__ import annotations

import dataclasses
import functools
import shutil

import numpy as np
import tensorflow as tf
import tqdm

from experiments.face_verification.critic_faces import CriticFaces, CriticSettings
from experiments.flags import command_line, file_flags, run_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.settings_flags import SettingsFlags
from experiments.running.results import Row
from experiments.running.run import Run
from experiments.running.settings import flat, replaced
from resgn.faces.crops import CROPS
from resgn.texture_critic import save_critic
from resgn.texture_critic_training import CriticProgress, CriticTrainer
from weights.atomic import atomic_path

FLAGS = FlagGroup(file_flags.FLAGS, run_flags.FLAGS)

_SETTINGS = SettingsFlags(
    FLAGS,
    {
        "lfw_dir": "LFW's folder.",
        "celeba_dir": "CelebA's folder.",
        "skip_damaged": "Leave out photographs that cannot be read, instead of naming them all.",
        "minimum_images": "People with fewer photographs are left out.",
        "maximum_images": "Photographs taken of one person at the most.",
        "pairs": "Pairs of each kind to measure on.",
        "width": "Factor on VGG-16's maps and units.",
        "input_size": "Side of the images that the critic sees.",
        "epochs": "Passes over the training faces.",
        "batch_size": "Faces a step.",
        "learning_rate": "Adam's learning rate at first; it falls to 0 along a cosine.",
    },
    {"default": CriticSettings()},
    paths=("lfw_dir", "celeba_dir"),
)


def main(_: list[str]) -> None:
    """Load, train, fold, save, measure on people kept out."""
    output = file_flags.named_output(".h5")
    settings = _SETTINGS.settle(replaced(CriticSettings(), {"seed": run_flags.SEED.value}))
    faces = CriticFaces.load(settings)
    run = Run("train_texture_critic", flat(settings), run_flags.place())
    run.same_data(faces.images)
    path = run.folder / "texture_critic.h5"
    model = train(run, settings, faces)
    names = ", ".join(settings.datasets)
    save_critic(
        model, settings.critic, path, f"trained by experiments.train_texture_critic on {names}"
    )

    def held_out(crop: str) -> Row:
        return Row(crop, faces.verification(path, crop, settings.pairs, settings.seed))

    rows = [run.measured(crop, functools.partial(held_out, crop)) for crop in CROPS]
    learned, kept = (np.unique(faces.people[rows]) for rows in (faces.train, faces.held_out))
    notes = (
        f"{len(faces.train)} crops of {len(learned)} people to learn from, {len(CROPS)} of each "
        f"photograph; verification of {len(kept)} people kept out on {settings.pairs} + "
        f"{settings.pairs} pairs of each crop, accuracy over ten folds."
    )
    print(run.finish(rows, "float32", "people", notes, plain=("auc",)))
    if output is not None:
        with atomic_path(output) as temporary:
            shutil.copyfile(path, temporary)
        path = output
    print(f"Texture critic: {path}")


def train(run: Run, settings: CriticSettings, faces: CriticFaces) -> tf.keras.Model:
    """The trained classifier, with a line in TensorBoard for each epoch."""
    config = dataclasses.replace(settings.training, seed=settings.seed)
    people = len(np.unique(faces.people[faces.train]))
    trainer = CriticTrainer(settings.critic, config, people, run.folder / "training")
    steps = config.epochs * (len(faces.train) // config.batch_size)
    with tqdm.tqdm(total=steps, unit="step") as bar:

        def report(progress: CriticProgress) -> None:
            values = dataclasses.asdict(progress)
            run.log("train", values.pop("step"), values)
            bar.set_postfix_str(f"accuracy {progress.accuracy:.3f}", refresh=False)

        def stepped(step: int) -> None:
            if not bar.n:  # what a run that goes on has behind it is no work of now
                bar.n = bar.initial = step
            bar.update(step - bar.n)

        return trainer.train(faces.images, faces.people, faces.train, report, stepped)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
