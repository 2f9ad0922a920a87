"""A small dense network: trained with Keras, kept and served as plain matrices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

# Read while TensorFlow is imported, so it has to be set before: every fit would print that a graph
# has an attribute which is unknown, and ignored.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from scipy.special import expit

from ml.training import watching
from ml.training.evaluation import fit_logistic
from ml.training.resampling import Rows

# Refused once TensorFlow runs; then its deterministic operations alone keep the result the same.
with suppress(RuntimeError):
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


class NetworkClassifier:
    """Dense layers with ReLU and one sigmoid unit, by weighted cross-entropy and early stopping.

    Parameters
    ----------
    hidden
        Units of each hidden layer.
    dropout
        Share of hidden units silenced in each training step.
    learning_rate, batch, epochs
        Of Adam; ``epochs`` is the most it takes.
    l2
        Penalty of squared weights.
    patience
        Epochs without a better loss on the rows kept aside; the best weights are kept.
    random_state
        Seed. The same rows and seed give the same network, bit for bit, on the same machine.
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (32, 16),
        dropout: float = 0.2,
        learning_rate: float = 0.003,
        batch: int = 128,
        epochs: int = 100,
        l2: float = 1e-4,
        patience: int = 8,
        random_state: int = 0,
    ) -> None:
        self.hidden, self.dropout, self.l2 = tuple(hidden), dropout, l2
        self.learning_rate, self.batch, self.epochs = learning_rate, batch, epochs
        self.patience, self.random_state = patience, random_state
        self.layers: list[tuple[np.ndarray, np.ndarray]] = []

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        aside: Rows,
    ) -> NetworkClassifier:
        """Fit the network.

        Parameters
        ----------
        X, y
            Shapes (n, d) and (n,).
        sample_weight
            Shape (n,).
        aside
            Rows that say when to stop; not among ``X``, and not resampled.
        """
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        network = self._network(X.shape[1])
        learned = network.fit(
            _tensor(X),
            _tensor(y),
            sample_weight=_tensor(weights),
            validation_data=tuple(_tensor(part) for part in aside if part is not None),
            epochs=self.epochs,
            batch_size=self.batch,
            callbacks=[keras.callbacks.EarlyStopping(patience=self.patience, restore_best_weights=True)],
            verbose=0,
        )
        for name, told in (("loss", "loss"), ("val_loss", "held_out_loss")):
            for epoch, loss in enumerate(learned.history[name]):
                watching.tell(told, loss, epoch)
        dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
        self.layers = [tuple(part.astype(float) for part in layer.get_weights()) for layer in dense]
        self._level(X, y, weights)
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities of both classes, shape (n, 2), in double precision."""
        event = expit(self._log_odds(x))
        return np.stack([1 - event, event], axis=1)

    def _log_odds(self, x: np.ndarray) -> np.ndarray:
        values = np.asarray(x, dtype=float)
        *hidden, (kernel, bias) = self.layers
        for weights, offsets in hidden:
            values = np.maximum(values @ weights + offsets, 0)
        return (values @ kernel + bias)[:, 0]

    def _level(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
        """Solve for the last bias, so that the mean risk of the rows learnt from is their share of events.

        Logistic regression and boosting have this by construction; the mean of a network stopped in
        the middle of its descent is off by a sixth, another way in each fold, and the curve found in
        the folds would not fit the network that serves.
        """
        ones = np.ones((len(y), 1))
        shift = fit_logistic(ones, np.asarray(y, dtype=float), weights[None], self._log_odds(x))[0]
        kernel, bias = self.layers[-1]
        if np.isfinite(shift).all():
            self.layers[-1] = kernel, bias + shift

    def _network(self, d: int) -> keras.Model:
        keras.utils.set_random_seed(self.random_state)
        tf.config.experimental.enable_op_determinism()
        keras.backend.clear_session()
        network = keras.Sequential([keras.Input((d,))])
        for units in self.hidden:
            penalty = keras.regularizers.L2(self.l2)
            network.add(keras.layers.Dense(units, activation="relu", kernel_regularizer=penalty))
            network.add(keras.layers.Dropout(self.dropout))
        network.add(keras.layers.Dense(1, activation="sigmoid"))
        # Compiling such small graphs with XLA takes longer than training them.
        network.compile(keras.optimizers.Adam(self.learning_rate), "binary_crossentropy", jit_compile=False)
        return network


def _tensor(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)
