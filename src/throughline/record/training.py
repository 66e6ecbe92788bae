"""Chapters 1 to 4: the perceptron, the network from scratch, and the trainings."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class PlanePicture:
    """Points in the plane and what a classifier says around them.

    Attributes
    ----------
    points : list of (x, y, label)
        Training points.
    lines : list of (weight 1, weight 2, bias)
        Boundaries of a perceptron after some of its updates, first to last; beside a grid only the last.
    grid : list of list of float
        Probability of class 1 of a network on an even grid, rows from low y to high y; empty for a line.
    extent : (x min, x max, y min, y max)
        Edges of the picture and of the grid.
    """

    points: list[tuple[float, float, int]]
    lines: list[tuple[float, float, float]]
    grid: list[list[float]]
    extent: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class PerceptronRecord:
    """Chapter 1.

    Attributes
    ----------
    mistakes_per_epoch : list of int
        The last is 0 when it converged.
    n_mistakes : int
        Their sum, which Novikoff's theorem bounds by ``(radius / margin)**2``.
    radius, margin, novikoff_bound : float
        Of the augmented rows [x, 1] and of the separator that made the points.
    margin_found : float
        Margin of the separator that the perceptron found.
    task_test_accuracy, task_n_epochs, task_converged :
        Perceptrons on the run's own task, with their best weights on the training rows kept (the pocket); more than two
        classes have one each, against the rest. No accuracy, no epochs and not converged where the task is to answer
        amounts, which a perceptron cannot.
    task_classes_separated : list of str
        With more than two classes, those that a plane separates from the rest in the training rows.
    """

    n_train: int
    n_test: int
    n_epochs: int
    mistakes_per_epoch: list[int]
    n_mistakes: int
    converged: bool
    radius: float
    margin: float
    margin_found: float
    novikoff_bound: float
    train_accuracy: float
    test_accuracy: float
    task_test_accuracy: float | None
    task_n_epochs: int
    task_converged: bool
    picture: PlanePicture
    task_classes_separated: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class GradientRecord:
    """How far the gradient from backpropagation is from two independent ones.

    Attributes
    ----------
    n_checked, n_skipped_kinks : int
        Parameters compared with central differences; left out since a ReLU switched in between.
    largest_relative_error : float
        Against central differences, float64.
    autograd_framework : str
        Which framework's automatic differentiation was asked; empty if none ran.
    autograd_largest_relative_error : float or None
        Against automatic differentiation, on the run's own network, float32 or float64 as the network is.
    """

    n_checked: int
    n_skipped_kinks: int
    largest_relative_error: float
    autograd_framework: str
    autograd_largest_relative_error: float | None


@dataclass(frozen=True, kw_only=True)
class PlaneProblem:
    """A problem in the plane that no line solves, learned by a small network.

    Attributes
    ----------
    units : list of list of list of float
        Output of each unit of the last hidden layer, on an even grid over ``picture.extent``, rows from low to high y;
        empty in records of older releases.
    """

    name: str
    layer_sizes: list[int]
    n_epochs: int
    losses: list[float]
    perceptron_accuracy: float
    test_accuracy: float
    picture: PlanePicture
    units: list[list[list[float]]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """One training on the run's task.

    Attributes
    ----------
    framework : {"numpy", "keras", "torch"}
    n_parameters : int
    losses, val_losses, val_accuracies : list of float
        One an epoch; the loss is the mean while weights moved, dropout on. Losses are weighted where rows or classes
        are; in an accuracy every row counts alike.
    best_epoch : int
        From 1; its weights were kept.
    val_accuracy, val_loss : float
        Of the kept weights. Where answers are amounts, every accuracy here is R², and losses are in the target's unit,
        squared.
    initial_digest, weights_digest : str
        SHA-256 of the start weights (equal for all frameworks) and of the kept ones.
    weights_path : str
        Relative to the run's folder.
    fit_s : float
        Seconds of training alone.
    versions : dict
        Versions of the framework.
    """

    framework: str
    n_parameters: int
    losses: list[float]
    val_losses: list[float]
    val_accuracies: list[float]
    best_epoch: int
    val_accuracy: float
    val_loss: float
    initial_digest: str
    weights_digest: str
    weights_path: str
    fit_s: float
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class MlpRecord:
    """Chapter 2: gradients, two problems in the plane, and the run's own task in NumPy."""

    gradient: GradientRecord
    problems: list[PlaneProblem]
    training: TrainingRecord
