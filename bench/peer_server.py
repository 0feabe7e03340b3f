"""What a user would write: FastAPI around the shipped checkpoint in torch, fp32.

python -m bench.peer_server        listens on $PORT (8001)

One request at a time: tokenise, cut at 512 tokens, one forward pass, softmax. It reads no
windows, names no places and shows no evidence, so it does less than the service does.
"""

import os

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import PreTrainedTokenizerFast

from service.labels import RELATIONS
from service.settings import ROOT
from training.network import StoryClassifier

CHECKPOINT = ROOT / "model" / "checkpoint"
MAX_TOKENS = 512


class Story(BaseModel):
    """A headline and what stands under it."""

    title: str
    text: str


def create_app() -> FastAPI:
    """The application, with the checkpoint loaded."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(CHECKPOINT / "tokenizer.json"))
    model = StoryClassifier.from_pretrained(CHECKPOINT, dtype=torch.float32).eval()
    app = FastAPI()

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/predict")
    async def predict(story: Story) -> dict[str, float]:
        given = tokenizer(
            f"{story.title}\n{story.text}",
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        with torch.inference_mode():
            windows, _ = model.encode(given["input_ids"], given["attention_mask"])
            logits = model.judge(windows, torch.zeros(1, dtype=torch.long))
            scores = logits[0, : len(RELATIONS)].softmax(-1)
        return dict(zip(RELATIONS, scores.tolist(), strict=True))

    return app


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8001"))
    uvicorn.run(create_app(), host="127.0.0.1", port=port, access_log=False, log_level="warning")
