package org.skipgpt.data;

import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.skipgpt.data.SentencePieceModel.Kind;
import org.skipgpt.data.SentencePieceModel.Piece;
import org.skipgpt.io.JsonFields;

/** What a tokenizer.json adds to the SentencePiece model beside it: tokens that were added later, and which are special. */
final class AddedPieces {
    // below every learned score, so that nothing is joined to it; llama.cpp's converter gives the same
    private static final float LAST = -1000;

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
        String[] texts = new String[1 + json.ids().values().stream().reduce(-1, Math::max)];
        for (Map.Entry<String, Integer> entry : json.ids().entrySet()) {
            texts[entry.getValue()] = entry.getKey();
        }
        for (int id = 0; id < Math.min(texts.length, pieces.size()); id++) {
            if (texts[id] != null && !texts[id].equals(pieces.get(id).text())) {
                throw new DataException(file + " calls token " + id + " \"" + texts[id] + "\" and the tokenizer.model"
                        + " beside it \"" + pieces.get(id).text()
                        + "\": the two files do not belong together; fetch them again");
            }
        }
        for (JsonFields token :
                JsonFields.of(json.json(), "File " + file, DataException::new).objects("added_tokens")) {
            add(token.json(), pieces, texts);
        }
    }

    private static void add(JsonObject token, List<Piece> pieces, String[] texts) {
        int id = token.get("id").getAsInt();
        Kind kind = token.get("special").getAsBoolean() ? Kind.CONTROL : Kind.USER_DEFINED;
        while (pieces.size() <= id) {
            int next = pieces.size();
            String text = texts[next] == null ? "[PAD" + next + "]" : texts[next];
            pieces.add(new Piece(text, LAST, Kind.UNUSED));
        }
        Piece piece = pieces.get(id);
        boolean own = piece.kind() == Kind.UNKNOWN || piece.kind() == Kind.BYTE;
        pieces.set(id, own ? piece : new Piece(piece.text(), piece.score(), kind));
    }
}
