"""The classifier: one DistilBERT encoder, heads for sentences, windows and the whole story.

A story is a set of windows. The encoder turns each window into token states;
the token head says of each token whether its sentence states police force; the
window head condenses a window to a short vector. The story head weighs the
window vectors by learnt attention (Ilse et al. 2018, "Attention-based deep
multiple instance learning") and judges relation, kinds of force and death.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from transformers import DistilBertConfig, DistilBertModel, DistilBertPreTrainedModel
from transformers.utils import ModelOutput

from service.labels import FORCE_CODES, RELATIONS
from training.examples import NOT_REPORT

RELATION_IDS = {name: index for index, name in enumerate((*RELATIONS, NOT_REPORT))}
UNKNOWN = -100
STORY_OUTPUTS = len(RELATIONS) + len(FORCE_CODES) + 1
POSITIONS = 4  # first window, second, third, any later


class StoryConfig(DistilBertConfig):
    """A DistilBERT config with the width of the window vector."""

    model_type = "distilbert"

    def __init__(self, window_dim: int = 96, **kwargs: object) -> None:
        self.window_dim = window_dim
        super().__init__(**kwargs)


@dataclass
class StoryOutput(ModelOutput):
    """`loss` (scalar or None), `story` [S, 14] logits, `windows` [W, D], `tokens` [W, T] logits."""

    loss: torch.Tensor | None = None
    story: torch.Tensor | None = None
    windows: torch.Tensor | None = None
    tokens: torch.Tensor | None = None


class StoryClassifier(DistilBertPreTrainedModel):
    """Windows of stories in, story logits out. W windows of S stories, T tokens each."""

    config_class = StoryConfig

    def __init__(self, config: StoryConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.dropout = nn.Dropout(0.1)
        self.token_head = nn.Linear(config.dim, 1)
        self.window_head = nn.Linear(2 * config.dim, config.window_dim)
        self.attention = nn.Linear(config.window_dim, 1)
        self.position_bias = nn.Parameter(torch.zeros(POSITIONS))
        self.evidence_head = nn.Linear(config.window_dim, 1)
        self.story_head = nn.Linear(3 * config.window_dim, STORY_OUTPUTS)
        self.post_init()

    def encode(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Window vectors [W, D] in (-1, 1) and token logits [W, T]. This is what is exported."""
        states = self.distilbert(input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1)
        both = self.dropout(torch.cat([states[:, 0], mean], dim=-1))
        return torch.tanh(self.window_head(both)), self.token_head(self.dropout(states)).squeeze(-1)

    def _encode_sorted(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, size: int = 16
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `encode`, in chunks of windows of like length: half the padding, half the time."""
        lengths = attention_mask.sum(1)
        order = lengths.argsort()
        windows, tokens = [], []
        for chunk in torch.split(order, size):
            longest = int(lengths[chunk].max())
            vector, logit = self.encode(input_ids[chunk, :longest], attention_mask[chunk, :longest])
            windows.append(vector)
            tokens.append(functional.pad(logit, (0, input_ids.shape[1] - longest)))
        back = order.argsort()
        return torch.cat(windows)[back], torch.cat(tokens)[back]

    def judge(self, windows: torch.Tensor, story: torch.Tensor) -> torch.Tensor:
        """Story logits [S, 14] from window vectors [W, D]; `story` [W] numbers their stories.

        Windows of a story stand together and in order.
        """
        count = int(story[-1]) + 1
        sizes = torch.bincount(story, minlength=count)
        longest = int(sizes.max())
        order = torch.cat([torch.arange(int(n), device=story.device) for n in sizes])
        grid = windows.new_zeros(count, longest, windows.shape[-1])
        grid[story, order] = windows
        present = torch.zeros(count, longest, dtype=torch.bool, device=story.device)
        present[story, order] = True
        bias = self.position_bias[
            torch.arange(longest, device=story.device).clamp(max=POSITIONS - 1)
        ]
        scores = self.attention(grid).squeeze(-1) + bias
        weights = scores.masked_fill(~present, float("-inf")).softmax(-1)
        mean = (weights.unsqueeze(-1) * grid).sum(1)
        peak = grid.masked_fill(~present.unsqueeze(-1), -1.0).amax(1)
        pooled = torch.cat([mean, peak, grid[:, 0]], dim=-1)
        logits: torch.Tensor = self.story_head(self.dropout(pooled))
        return logits

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        story: torch.Tensor,
        token_labels: torch.Tensor | None = None,
        relation: torch.Tensor | None = None,
        force: torch.Tensor | None = None,
        fatal: torch.Tensor | None = None,
    ) -> StoryOutput:
        """`story` [W]; `token_labels` [W, T] and `fatal` [S] hold 0, 1 or UNKNOWN;
        `relation` [S] ids of RELATION_IDS; `force` [S, 10] 0, 1 or UNKNOWN."""
        windows, tokens = self._encode_sorted(input_ids, attention_mask)
        logits = self.judge(windows, story)
        loss = None
        if relation is not None:
            assert token_labels is not None and force is not None and fatal is not None
            loss = relation_loss(logits[:, : len(RELATIONS)], relation)
            loss = loss + 0.5 * _known(tokens, token_labels)
            loss = loss + 0.3 * _known(
                self.evidence_head(windows).squeeze(-1), token_labels.amax(-1)
            )
            loss = loss + 0.3 * _known(logits[:, len(RELATIONS) : -1], force)
            loss = loss + 0.1 * _known(logits[:, -1], fatal)
        return StoryOutput(loss, logits, windows, tokens)


def relation_loss(logits: torch.Tensor, relation: torch.Tensor) -> torch.Tensor:
    """Cross-entropy; a story known only to be no report counts -log(1 - p_report)."""
    log_p = logits.float().log_softmax(-1)
    partial = relation == RELATION_IDS[NOT_REPORT]
    full = functional.nll_loss(log_p, relation.masked_fill(partial, 0), reduction="none")
    not_report = -torch.logsumexp(log_p[:, 1:], dim=-1)
    return torch.where(partial, not_report, full).mean()


def _known(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy over the entries that are not UNKNOWN; 0 if there are none."""
    known = labels != UNKNOWN
    if not bool(known.any()):
        return logits.float().sum() * 0.0
    return functional.binary_cross_entropy_with_logits(logits[known].float(), labels[known].float())
