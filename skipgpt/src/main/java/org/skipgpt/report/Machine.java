package org.skipgpt.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What this machine and this class path say about themselves. */
final class Machine {
    private Machine() {}

    static Map<String, String> versions() {
        Map<String, String> versions = new TreeMap<>();
        versions.put("java", System.getProperty("java.version", "?"));
        versions.put("os", System.getProperty("os.name", "?") + " " + System.getProperty("os.arch", "?"));
        String own = Machine.class.getPackage().getImplementationVersion();
        versions.put("skipgpt", own == null ? property("META-INF/skipgpt.properties", "version") : own);
        versions.put("djl", property("ai/djl/engine/api.properties", "djl_version"));
        // the natives, where they are on the class path, say more than the bridge to them
        versions.put("torch", property("native/lib/pytorch.properties", "version"));
        versions.put("torch-jni", property("jnilib/pytorch.properties", "jni_version"));
        versions.values().removeIf(String::isEmpty);
        return versions;
    }

    private static String property(String resource, String name) {
        try (InputStream in = Machine.class.getClassLoader().getResourceAsStream(resource)) {
            if (in == null) {
                return "";
            }
            Properties properties = new Properties();
            properties.load(in);
            return properties.getProperty(name, "");
        } catch (IOException e) {
            return "";
        }
    }

    static String cpu() {
        Path info = Path.of("/proc/cpuinfo");
        String name = System.getProperty("os.arch", "");
        if (Files.isReadable(info)) {
            try (Stream<String> lines = Files.lines(info)) {
                name = lines.filter(line -> line.startsWith("model name"))
                        .map(line -> line.substring(line.indexOf(':') + 1).strip())
                        .findFirst()
                        .orElse(name);
            } catch (IOException e) {
                return name;
            }
        } else if (System.getenv("PROCESSOR_IDENTIFIER") != null) {
            name = System.getenv("PROCESSOR_IDENTIFIER");
        }
        return name + ", " + Runtime.getRuntime().availableProcessors() + " cores seen";
    }
}
