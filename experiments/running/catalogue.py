"""Every experiment whose results are kept: its title, its section, and which result comes first.

The report is drawn in this order, which is the papers' own; what is new stands behind them.
"""

from __future__ import annotations

import dataclasses
from fnmatch import fnmatchcase

from experiments.running.scorecard import PARTS

SECTIONS = {**PARTS, "speed": "Speed and checks", "other": "Other runs"}
"""By name; those of the scorecard first."""


@dataclasses.dataclass(frozen=True)
class Group:
    """Results that answer one question and stand under one heading.

    Attributes:
      section: of `SECTIONS`.
      experiment: whose results these are.
      title: the heading, with the paper's number of table or figure where it has one.
      about: a sentence below it.
      main: names of kept results that are shown open, in this order; the first one by name where
        none of them is there. The others are folded.
      columns: of the results in `main` that are shown; all where it is empty.
      rows: patterns of the names of rows that are shown; all where it is empty.
      only: patterns of names; these results of the experiment stand here, and not in the group that
        has no patterns.
      source: whose number stands beside ours.
      captions: of figures that have no result of their name, and of others where a word helps.
    """

    section: str
    experiment: str
    title: str
    about: str = ""
    main: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    source: str = "paper"
    captions: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name, unique among groups."""
        return "-".join([self.experiment, *(part.strip("*_") for part in self.only)])


GROUPS = (
    Group(
        "resgn",
        "table1",
        "Table 1: what each choice of losses is worth",
        "Percent of pairs verified correctly behind each ResGN: under FGSM, and untouched.",
        main=("table1_lfw_facenet",),
    ),
    Group(
        "resgn",
        "attack_intensity",
        "Table 2: trained at one intensity, tested at others",
        "Percent of pairs verified correctly, for each epsilon of training and of the attack.",
        main=("table2_lfw_facenet", "table2_orl_facenet"),
    ),
    Group(
        "resgn",
        "gallery",
        "Figure 2: faces, attacked and cleaned",
        "Squared distances to the reference of the probe as it is, attacked, and cleaned.",
        main=("gallery_lfw_facenet",),
        captions={
            "gallery_orl": "Pairs of ORL: reference, probe, attacked and cleaned probe, with the "
            "differences and the distances to the reference."
        },
    ),
    Group(
        "resgn",
        "verification",
        "How well the target verifies",
        main=("verification_lfw_facenet", "verification_lfw"),
        columns=("accuracy", "eer", "tar_at_far_0.01", "tar_at_far_0.001", "threshold"),
        source="author",
    ),
    Group("resgn", "train_texture_critic", "The texture critic"),
    Group(
        "mofa",
        "train_mofa",
        "The encoder",
        "photometric: error inside the face in grey levels; landmark: part of the distance of the "
        "eyes; vertices: mm; parts of the code: errors in units of their spread.",
        main=("train_mofa", "train_mofa_learned"),
    ),
    Group(
        "mofa",
        "reconstruct",
        "Reconstructions, beside the mean face",
        main=("reconstruct_celeba",),
        captions={
            "reconstruct_orl": "Faces of ORL: input, the encoder's overlay, the refined one, and "
            "its geometry.",
            "reconstruct_rendered": "Rendered people: input, the encoder's overlay, the refined "
            "one, and its geometry.",
        },
    ),
    Group(
        "mofa",
        "code_identity",
        "Who it is, from shape and albedo codes alone",
        main=("code_identity_small", "code_identity", "code_identity_refined"),
        captions={
            "code_identity_roc": "ROC of the cosine of shape and albedo codes, on people of CelebA "
            "and LFW who were kept out."
        },
    ),
    Group(
        "mofa",
        "train_identity",
        "The judge: identity classifiers",
        main=("train_identity_code",),
        captions={"mofa_identity_roc": "ROC of the classifier on the VGG-19 encoder's codes."},
    ),
    Group(
        "mofa",
        "mofa_attack",
        "Figures 1 and 3: a face that MoFA takes for another",
        "success: the attacked face is accepted as the target and rejected as the source.",
        main=("mofa_attack_celeba", "mofa_attack_many", "mofa_attack_orl"),
        columns=(
            *("success", "success_8bit", "success_jpeg", "second_success", "matched"),
            *("source_similarity", "target_similarity", "way"),
        ),
        captions={
            "mofa_attack": "Rendered people: source, perturbation, attacked face, target, and "
            "MoFA's reconstructions of source, attacked face and target.",
            "mofa_attack_orl": "Faces of ORL: source, perturbation, attacked face, target, and "
            "MoFA's reconstructions of source, attacked face and target.",
        },
    ),
    Group(
        "mofa",
        "mofa_intensity",
        "Figure 4: epsilons and caps",
        columns=("success", "matched", "source_similarity", "target_similarity", "way"),
    ),
    Group(
        "mofa",
        "mofa_sweep",
        "Figure 5: similarity against epsilon, beside VGG-19",
        main=("mofa_sweep_orl",),
        columns=("source_similarity", "target_similarity", "success"),
        rows=("*,attack,eps=0.05", "*,fgsm,eps=0.05"),
        captions={
            "mofa_sweep_panel_orl": "A face of ORL attacked at rising epsilons, and what MoFA "
            "makes of it; the target last."
        },
    ),
    Group("mofa", "train_detector", "Table 1: the detector's autoencoder"),
    Group(
        "mofa",
        "defense",
        "Figure 6: bringing attacked faces back",
        "undone: the source is accepted again and the target rejected; stopped: the attack does "
        "not succeed or is refused; back: share of the code's way that is taken back; kept: normal "
        "faces still accepted as themselves.",
        main=("defense_celeba", "defense_celeba_adaptive"),
        columns=("undone", "stopped", "similarity", "back", "kept", "adaptive_stopped"),
        captions={
            "defense_orl": "Faces of ORL: original, attacked face, target, and the attacked face "
            "behind each defence, each beside MoFA's reconstruction."
        },
    ),
    Group(
        "mofa",
        "detection",
        "Table 2: telling attacked faces from normal ones",
        "Accuracy of each score at its threshold; js_pca: the principal components alone "
        "reconstruct.",
        main=("detection_celeba",),
        columns=("l1", "l2", "linf", "js", "js_auc", "self_perturbed", "self_perturbed_auc"),
        captions={
            "detection_scores": "Scores of normal and of attacked faces (CelebA), by epsilon."
        },
    ),
    Group(
        "beyond",
        "adaptive",
        "Every attack by someone who knows the defence",
        "stored: made without the defence; worst_case: for each pair the best of the L-infinity "
        "attacks.",
        main=("adaptive_orl",),
        rows=("*,untouched", "*,stored", "*,worst_case"),
    ),
    Group(
        "beyond",
        "certify",
        "Certified verification",
        "Percent of pairs whose right decision no change of the probe up to the radius can turn; "
        "beside them what others have certified.",
        main=("certify_lfw_025", "certify_lfw"),
        columns=("dodging", "impersonation"),
        source="others",
    ),
    Group(
        "beyond",
        "linf_curve",
        "Where each defence gives out",
        "Percent of pairs verified correctly under PGD through the defence within so many grey "
        "levels.",
    ),
    Group(
        "beyond",
        "evaluate",
        "A defence reported, measured and certified",
        "What a defence stops of an attack made without it, of the best one made with it, and "
        "what no attack can take.",
    ),
    Group(
        "beyond",
        "judges",
        "Who is cleaned for whom",
        "ResGN trained against one network, attacks on another, a third judges.",
    ),
    Group(
        "beyond",
        "table1",
        "Other cleaners, and adversarial training",
        "adaptive: under PGD by someone who knows the cleaner.",
        main=("table1_lfw_cleaners", "table1_lfw_adversarial"),
        only=("*_cleaners", "*_adversarial"),
    ),
    Group(
        "beyond",
        "sweep",
        "Accuracy against attack intensity",
        main=("sweep_orl_facenet",),
        rows=("*,eps=0", "*,eps=0.02", "*,eps=0.03", "*,eps=0.05", "*,eps=0.1"),
    ),
    Group(
        "beyond",
        "refined_defense",
        "Refining the code as a defence of MoFA",
        main=("refined_defense_celeba",),
    ),
    Group(
        "beyond",
        "render",
        "The open face model",
        "Faces of the morphable model that comes along; no photograph went into it.",
        captions={
            "render_sixteen": "Sixteen faces drawn at random from the open face model.",
            "render_turntable": "Two of them from all sides.",
            "render_light": "Two of them with a lamp going round.",
        },
    ),
    Group(
        "speed",
        "benchmark_rendering",
        "The renderer",
        columns=("forward_ms", "gradient_ms", "memory_mb", "forward_ratio", "gradient_ratio"),
    ),
    Group(
        "speed",
        "benchmark_attacks",
        "The attacks, beside other libraries",
        columns=(
            *("fgsm_images_per_second", "fgsm_ratio", "fgsm_success"),
            *("pgd_images_per_second", "pgd_ratio", "pgd_success"),
        ),
    ),
    Group("speed", "benchmark_stacks", "The two stacks"),
    Group(
        "speed",
        "table1",
        "Table 1 on the current stack",
        "The same rows on Python 3.13 with TensorFlow 2.21.",
        only=("*_current",),
    ),
)


def group_of(experiment: str, name: str = "") -> Group:
    """Where a result stands; under the experiment's own name where it is not known.

    Args:
      experiment: which entry point.
      name: under which it is kept; empty for a run of one's own.
    """
    there = [group for group in GROUPS if group.experiment == experiment]
    for group in there:
        if any(fnmatchcase(name, pattern) for pattern in group.only):
            return group
    return next((g for g in there if not g.only), Group("other", experiment, experiment))


def group_of_figure(name: str) -> Group:
    """Where a figure without a result of its name stands, by its caption or its experiment's name.

    Args:
      name: of the file, without its ending.
    """
    for group in GROUPS:
        if name in group.captions:
            return group
    known = [g.experiment for g in GROUPS if f"{name}_".startswith(f"{g.experiment}_")]
    return group_of(max(known, key=len, default=name), name)
