"""One-to-many: a picture is read, then words are written."""

from __future__ import annotations

from ostinato.models.encoder_decoder import EncoderDecoder


class OneToMany(EncoderDecoder):
    """An encoder-decoder whose reader sees a picture.

    Without attention the picture's summary starts the state (Vinyals et al. 2015,
    arXiv:1411.4555); with attention each step looks at the places of the picture (Xu et al. 2015,
    arXiv:1502.03044). See ``ImageReader`` and ``EncoderDecoder``.
    """
