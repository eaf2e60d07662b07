package org.skipgpt.kernel.maven;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.maven.MavenResolver.Resolved;

/** Resolution from a repository server on this machine, which the settings name as the mirror of all others. */
class MavenResolverTest {
    private final Map<String, byte[]> files = new ConcurrentHashMap<>();
    private final List<String> asked = Collections.synchronizedList(new ArrayList<>());
    private final Path folder;
    private HttpServer server;
    private Path settings;

    MavenResolverTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            String path = exchange.getRequestURI().getPath();
            asked.add(path);
            byte[] body = files.get(path);
            exchange.sendResponseHeaders(body == null ? 404 : 200, body == null ? -1 : body.length);
            if (body != null) {
                exchange.getResponseBody().write(body);
            }
            exchange.close();
        });
        server.start();
        settings = write(false);
        publish("leaf", "1", "");
        publish("leaf", "2", "");
        publish("old", "1", dependency("leaf", "<version>1</version>"));
        publish("young", "1", dependency("leaf", "<version>2</version>"));
        publish("top", "1", dependency("young", "<version>1</version>"));
        String managed = "<dependencyManagement><dependencies>" + dependency("leaf", "<version>2</version>")
                + "</dependencies></dependencyManagement>";
        files.put(path("bom", "1", "pom"), pom("bom", "1", "pom", managed, "").getBytes(UTF_8));
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void bringsWhatAnArtifactNeedsAndAsksTheMirrorOnly() throws Exception {
        Resolved resolved = resolver().resolve(List.of("t:top:1"), List.of(), line -> {});

        assertThat(names(resolved)).containsExactlyInAnyOrder("top-1.jar", "young-1.jar", "leaf-2.jar");
        assertThat(resolved.downloads()).isEqualTo(6); // a POM and a jar each
        assertThat(asked).contains("/t/top/1/top-1.pom");
    }

    @Test
    void theNearestVersionWinsAsInMaven() throws Exception {
        Resolved deep = resolver().resolve(List.of("t:old:1", "t:top:1"), List.of(), line -> {});
        assertThat(names(deep)).contains("leaf-1.jar").doesNotContain("leaf-2.jar");

        Resolved named = resolver().resolve(List.of("t:old:1", "t:leaf:2"), List.of(), line -> {});
        assertThat(names(named)).contains("leaf-2.jar").doesNotContain("leaf-1.jar");
    }

    @Test
    void aVersionThatIsInUseStaysAndThatIsSaid() throws Exception {
        MavenResolver resolver = resolver();
        resolver.resolve(List.of("t:leaf:1"), List.of(), line -> {});

        Resolved later = resolver.resolve(List.of("t:leaf:2"), List.of(), line -> {});

        assertThat(later.added()).isEmpty();
        assertThat(later.conflicts()).singleElement().asString().contains("t:leaf stays at 1", "2 is wanted");
    }

    @Test
    void aBomNamesTheVersion() throws Exception {
        Resolved resolved = resolver().resolve(List.of("t:leaf"), List.of("t:bom:1"), line -> {});

        assertThat(names(resolved)).containsExactly("leaf-2.jar");
        assertThatThrownBy(() -> resolver().resolve(List.of("t:leaf"), List.of(), line -> {}))
                .hasMessageContaining("t:leaf has no version, and no BOM named one");
    }

    @Test
    void sourcesComeToLieBesideTheJars() throws Exception {
        files.put("/t/leaf/1/leaf-1-sources.jar", new byte[] {1});
        files.put("/t/old/1/old-1-javadoc.jar", new byte[] {2});
        MavenResolver resolver = resolver();
        Path leaf = resolver.resolve(List.of("t:leaf:1"), List.of(), line -> {})
                .added()
                .get(0);

        assertThat(resolver.fetchDocs(line -> {})).isEmpty();
        assertThat(leaf.resolveSibling("leaf-1-sources.jar")).hasBinaryContent(new byte[] {1});

        Path old = resolver.resolve(List.of("t:old:1"), List.of(), line -> {})
                .added()
                .get(0);
        resolver.resolve(List.of("t:young:1"), List.of(), line -> {});
        assertThat(resolver.fetchDocs(line -> {})).containsExactly("young-1");
        assertThat(old.resolveSibling("old-1-javadoc.jar")).hasBinaryContent(new byte[] {2});
    }

    @Test
    void aPomOfACellIsReadWholeOrInParts() throws Exception {
        String parts = dependency("old", "<version>1</version>");
        String test = parts + dependency("young", "<version>1</version><scope>test</scope>");
        assertThat(names(resolver().resolvePom(test, line -> {}))).containsExactlyInAnyOrder("old-1.jar", "leaf-1.jar");

        String whole = pom(
                "mine", "3", "jar", "<properties><v>1</v></properties>", dependency("old", "<version>${v}</version>"));
        assertThat(names(resolver().resolvePom(whole, line -> {})))
                .containsExactlyInAnyOrder("old-1.jar", "leaf-1.jar");
        assertThatThrownBy(() -> resolver().resolvePom("<project><oops>", line -> {}))
                .hasMessageContaining("this is no POM");
    }

    @Test
    void worksOfflineFromTheLocalRepository() throws Exception {
        resolver().resolve(List.of("t:old:1"), List.of(), line -> {});
        asked.clear();
        settings = write(true);

        assertThat(names(resolver().resolve(List.of("t:old:1"), List.of(), line -> {})))
                .containsExactlyInAnyOrder("old-1.jar", "leaf-1.jar");
        assertThat(asked).isEmpty();
        assertThatThrownBy(() -> resolver().resolve(List.of("t:top:1"), List.of(), line -> {}))
                .hasMessageContaining("offline");
    }

    @Test
    void asksThroughTheProxyOfTheSettings() throws Exception {
        String proxy = "<proxy><active>true</active><protocol>http</protocol><host>127.0.0.1</host><port>"
                + server.getAddress().getPort() + "</port></proxy>";
        settings = Files.writeString(
                folder.resolve("settings.xml"), "<settings><proxies>" + proxy + "</proxies></settings>");
        MavenResolver resolver = resolver();
        resolver.addRepository("central", "http://repository.invalid/"); // in place of the one that is always there

        assertThat(names(resolver.resolve(List.of("t:leaf:1"), List.of(), line -> {})))
                .containsExactly("leaf-1.jar");
        assertThat(asked).contains("/t/leaf/1/leaf-1.jar");
    }

    @Test
    void whatIsNotThereIsNamed() {
        assertThatThrownBy(() -> resolver().resolve(List.of("t:nowhere:1"), List.of(), line -> {}))
                .hasMessageContainingAll("t:nowhere", "check the coordinates");
        assertThatThrownBy(() -> resolver().resolve(List.of("t#old;1"), List.of(), line -> {}))
                .hasMessageContaining("'t#old;1' names no artifact: expected group:artifact:version");
        assertThatThrownBy(() -> resolver().addRepository("x", "nonsense"))
                .hasMessageContaining("no address of a repository");
    }

    private MavenResolver resolver() throws IOException {
        return new MavenResolver(MavenSettings.read(settings, folder.resolve("local")));
    }

    private Path write(boolean isOffline) throws IOException {
        String mirror = "<mirror><id>here</id><mirrorOf>*</mirrorOf><url>http://127.0.0.1:"
                + server.getAddress().getPort() + "</url></mirror>";
        return Files.writeString(
                folder.resolve("settings.xml"),
                "<settings><offline>" + isOffline + "</offline><mirrors>" + mirror + "</mirrors></settings>");
    }

    private void publish(String artifact, String version, String dependencies) throws IOException {
        files.put(
                path(artifact, version, "pom"),
                pom(artifact, version, "jar", "", dependencies).getBytes(UTF_8));
        ByteArrayOutputStream jar = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(jar)) {
            zip.putNextEntry(new ZipEntry(artifact + ".txt"));
            zip.write(version.getBytes(UTF_8));
        }
        files.put(path(artifact, version, "jar"), jar.toByteArray());
    }

    private static String path(String artifact, String version, String ending) {
        return "/t/" + artifact + "/" + version + "/" + artifact + "-" + version + "." + ending;
    }

    private static String dependency(String artifact, String rest) {
        return "<dependency><groupId>t</groupId><artifactId>" + artifact + "</artifactId>" + rest + "</dependency>";
    }

    private static String pom(String artifact, String version, String packaging, String more, String dependencies) {
        return "<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>" + artifact
                + "</artifactId><version>" + version + "</version><packaging>" + packaging + "</packaging>" + more
                + "<dependencies>" + dependencies + "</dependencies></project>";
    }

    private static List<String> names(Resolved resolved) {
        return resolved.added().stream()
                .map(path -> String.valueOf(path.getFileName()))
                .toList();
    }
}
