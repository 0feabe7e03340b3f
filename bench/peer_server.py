"""What a user would write: FastAPI around a transformers pipeline with the shipped checkpoint.

python -m bench.peer_server        listens on $PORT (8001)

One request at a time, torch, fp32: the pipeline tokenises, cuts at 512 tokens, runs the
model and applies softmax. It reads no windows, names no places and shows no evidence, so it
does less than the service does.
"""

import os

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import PreTrainedTokenizerFast, TextClassificationPipeline, pipeline
from transformers.modeling_outputs import SequenceClassifierOutput

from service.labels import RELATIONS
from service.settings import ROOT
from training.network import StoryClassifier, StoryConfig

CHECKPOINT = ROOT / "model" / "checkpoint"
MAX_TOKENS = 512


class Story(BaseModel):
    """A headline and what stands under it."""

    title: str
    text: str


class SequenceClassifier(StoryClassifier):
    """The checkpoint as pipelines call models: one text in, `logits` of its relation out."""

    def forward(  # type: ignore[override]
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> SequenceClassifierOutput:
        windows, _ = self.encode(input_ids, attention_mask)
        stories = torch.arange(len(windows))
        return SequenceClassifierOutput(logits=self.judge(windows, stories)[:, : len(RELATIONS)])


def classifier() -> TextClassificationPipeline:
    """The checkpoint in a text-classification pipeline."""
    labels = dict(enumerate(RELATIONS))
    config = StoryConfig.from_pretrained(CHECKPOINT, id2label=labels)
    model = SequenceClassifier.from_pretrained(CHECKPOINT, config=config, dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(CHECKPOINT / "tokenizer.json"), model_max_length=MAX_TOKENS
    )
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    return pipeline("text-classification", model=model.eval(), tokenizer=tokenizer, top_k=None)


def create_app() -> FastAPI:
    """The application, with the checkpoint loaded."""
    classify = classifier()
    app = FastAPI()

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/predict")
    async def predict(story: Story) -> dict[str, float]:
        [scores] = classify([f"{story.title}\n{story.text}"], truncation=True)
        return {relation["label"]: relation["score"] for relation in scores}

    return app


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8001"))
    uvicorn.run(create_app(), host="127.0.0.1", port=port, access_log=False, log_level="warning")
