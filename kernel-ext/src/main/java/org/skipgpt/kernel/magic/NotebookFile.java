package org.skipgpt.kernel.magic;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.kernel.cell.CodeOrigin;

/** Files whose code can be run in a session. */
final class NotebookFile {
    /** Code, and what to call it in error messages. */
    record Piece(String code, CodeOrigin origin) {}

    private NotebookFile() {}

    /** The code of a script, or of each code cell of a notebook. */
    static List<Piece> pieces(Path file) throws IOException {
        String name = String.valueOf(file.getFileName());
        String text = Files.readString(file);
        if (!name.endsWith(".ipynb")) {
            return List.of(new Piece(text, CodeOrigin.named(name)));
        }
        try {
            List<Piece> pieces = new ArrayList<>();
            JsonArray cells = JsonParser.parseString(text).getAsJsonObject().getAsJsonArray("cells");
            for (JsonElement element : cells) {
                JsonObject cell = element.getAsJsonObject();
                if (cell.get("cell_type").getAsString().equals("code")) {
                    CodeOrigin origin = CodeOrigin.named(name + ", cell " + (pieces.size() + 1));
                    pieces.add(new Piece(source(cell.get("source")), origin));
                }
            }
            return pieces;
        } catch (JsonParseException | IllegalStateException | NullPointerException e) {
            throw new IOException(file + " is no Jupyter notebook of format 4; open and save it in Jupyter", e);
        }
    }

    private static String source(JsonElement source) {
        if (source.isJsonPrimitive()) {
            return source.getAsString();
        }
        StringBuilder text = new StringBuilder();
        source.getAsJsonArray().forEach(line -> text.append(line.getAsString()));
        return text.toString();
    }
}
