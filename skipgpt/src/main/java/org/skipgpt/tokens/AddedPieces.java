package org.skipgpt.tokens;

import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.skipgpt.data.DataException;
import org.skipgpt.io.JsonFields;
import org.skipgpt.tokens.SentencePieceModel.Kind;
import org.skipgpt.tokens.SentencePieceModel.Piece;

/** What a tokenizer.json adds to the SentencePiece model beside it: tokens that were added later, and which are special. */
final class AddedPieces {
    private final Path file;
    private final TokenizerJson json;

    AddedPieces(Path file, TokenizerJson json) {
        this.file = file;
        this.json = json;
    }

    /**
     * Changes the kinds of added tokens and appends new ones.
     *
     * @throws DataException if the two files number their pieces differently
     */
    void addTo(List<Piece> pieces) {
        Map<Integer, String> texts = json.texts();
        for (int id = 0; id < pieces.size(); id++) {
            String own = pieces.get(id).text();
            String text = texts.getOrDefault(id, own);
            if (!text.equals(own)) {
                throw new DataException(file + " calls token " + id + " \"" + text + "\" and the tokenizer.model"
                        + " beside it \"" + own + "\": the two files do not belong together; fetch them again");
            }
        }
        for (JsonFields token :
                JsonFields.of(json.json(), "File " + file, DataException::new).objects("added_tokens")) {
            add(token.json(), pieces, texts);
        }
    }

    private static void add(JsonObject token, List<Piece> pieces, Map<Integer, String> texts) {
        int id = token.get("id").getAsInt();
        Kind kind = token.get("special").getAsBoolean() ? Kind.CONTROL : Kind.USER_DEFINED;
        while (pieces.size() <= id) {
            int next = pieces.size();
            String text = texts.getOrDefault(next, TokenizerValues.unused(next));
            pieces.add(new Piece(text, TokenizerValues.LAST, Kind.UNUSED));
        }
        Piece piece = pieces.get(id);
        boolean own = piece.kind() == Kind.UNKNOWN || piece.kind() == Kind.BYTE;
        pieces.set(id, own ? piece : new Piece(piece.text(), piece.score(), kind));
    }
}
