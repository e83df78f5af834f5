"""One-to-many: one picture is read, then it is said in words."""

from __future__ import annotations

from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.models.readers import ImageReader


class OneToMany(EncoderDecoder):
    """``P(y | image) = prod_t P(y_t | y_<t, image)``: ``EncoderDecoder`` that reads a picture.

    A picture is one step, so that all of it comes before the first word: its feature starts the
    decoder's state (Vinyals et al. 2015, arXiv:1411.4555), and is read with every word or not; or
    each word looks at its places (Xu et al. 2015, arXiv:1502.03044). The arguments are those of
    ``EncoderDecoder``.
    """

    reader: ImageReader
