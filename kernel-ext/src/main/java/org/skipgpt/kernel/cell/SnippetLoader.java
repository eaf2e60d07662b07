package org.skipgpt.kernel.cell;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLConnection;
import java.net.URLStreamHandler;
import java.security.CodeSource;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import jdk.jshell.execution.LoaderDelegate;
import jdk.jshell.spi.ExecutionControl.ClassBytecodes;
import jdk.jshell.spi.ExecutionControl.ClassInstallException;
import jdk.jshell.spi.ExecutionControl.InternalException;
import org.jspecify.annotations.Nullable;

/**
 * Loads the classes of snippets. JShell's own delegate keeps the bytes of each for good; this one gives up those of classes
 * that no later code can name.
 *
 * <p>One class loader has all classes: members without a modifier are for a package, and a package ends with its loader.
 */
final class SnippetLoader implements LoaderDelegate {
    /** A class as the compiler wrote it, and the classes around snippets that its constants name. */
    private record Written(byte[] bytes, long millis, Set<String> named) {}

    private final Map<String, Written> written = new ConcurrentHashMap<>(); // by the names of resources
    private final Set<String> whole = ConcurrentHashMap.newKeySet(); // resources of classes that can be used
    private final Loader loader = new Loader();

    SnippetLoader() {
        // as the JDK's delegate does: threads of the kernel that begin later inherit it
        Thread.currentThread().setContextClassLoader(loader);
    }

    @Override
    public void load(ClassBytecodes[] classes) throws ClassInstallException {
        boolean[] areLoaded = new boolean[classes.length];
        long now = System.currentTimeMillis();
        try {
            for (ClassBytecodes one : classes) {
                byte[] bytes = one.bytecodes();
                written.put(resource(one.name()), new Written(bytes, now, SnippetClasses.namedIn(bytes)));
            }
            for (int i = 0; i < classes.length; i++) {
                Class<?> type = loader.loadClass(classes[i].name());
                areLoaded[i] = true;
                Object unused =
                        type.getDeclaredMethods(); // a class that cannot be linked fails here, not in a later cell
            }
            for (ClassBytecodes one : classes) {
                whole.add(resource(one.name()));
            }
        } catch (Throwable e) { // whatever it is, JShell must know what was loaded
            throw new ClassInstallException("load: " + e.getMessage(), areLoaded);
        }
    }

    @Override
    public void classesRedefined(ClassBytecodes[] classes) {
        throw new UnsupportedOperationException(
                "this JVM cannot redefine classes; the execution control says so before");
    }

    @Override
    public void addToClasspath(String path) throws InternalException {
        try {
            for (String entry : path.split(File.pathSeparator)) {
                loader.addURL(new File(entry).toURI().toURL());
            }
        } catch (MalformedURLException e) {
            throw new InternalException(e.toString());
        }
    }

    @Override
    public Class<?> findClass(String name) throws ClassNotFoundException {
        Class<?> type = loader.loaded(name);
        if (type == null) {
            throw new ClassNotFoundException(name + " is no class of a snippet");
        }
        return type;
    }

    /** Whether a class that is not given up was loaded and can be used. */
    boolean isLoaded(String name) {
        return whole.contains(resource(name));
    }

    /** These classes around snippets and all that they name, directly or by others. */
    Set<String> reachable(Collection<String> roots) {
        Set<String> found = new HashSet<>(roots);
        Deque<String> next = new ArrayDeque<>(found);
        Map<String, Set<String>> named = new HashMap<>();
        written.forEach(
                (resource, one) -> named.computeIfAbsent(SnippetClasses.around(resource), name -> new HashSet<>())
                        .addAll(one.named()));
        while (!next.isEmpty()) {
            named.getOrDefault(next.remove(), Set.of()).stream()
                    .filter(found::add)
                    .forEach(next::add);
        }
        return found;
    }

    /** Gives up the bytes of all classes but these around snippets, with those in them; loaded they stay. */
    void keepOnly(Set<String> kept) {
        Predicate<String> isGone = resource -> !kept.contains(SnippetClasses.around(resource));
        written.keySet().removeIf(isGone);
        whole.removeIf(isGone);
    }

    private static String resource(String className) {
        return className.replace('.', '/') + ".class";
    }

    private final class Loader extends URLClassLoader {
        Loader() {
            super(new URL[0]);
        }

        @Nullable
        Class<?> loaded(String name) {
            return findLoadedClass(name);
        }

        @Override
        public void addURL(URL url) {
            super.addURL(url);
        }

        /** Asks no other loader for a class of a snippet: each that is asked notes the name for good. */
        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (SnippetClasses.around(name).isEmpty()) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> type = findLoadedClass(name);
                return type == null ? findClass(name) : type;
            }
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            Written one = written.get(resource(name));
            return one == null
                    ? super.findClass(name)
                    : defineClass(name, one.bytes(), 0, one.bytes().length, (CodeSource) null);
        }

        @Override
        public @Nullable URL findResource(String name) {
            URL own = own(name);
            return own == null ? super.findResource(name) : own;
        }

        @Override
        public Enumeration<URL> findResources(String name) throws IOException {
            List<URL> others = Collections.list(super.findResources(name));
            return Collections.enumeration(
                    Stream.concat(others.stream(), Stream.ofNullable(own(name))).toList());
        }

        private @Nullable URL own(String name) {
            Written one = written.get(name);
            try {
                return one == null ? null : new URL(null, "jshell:/" + name, new Handler(one));
            } catch (MalformedURLException e) {
                throw new IllegalArgumentException("no address for the class " + name, e);
            }
        }
    }

    /** Reads the bytes of a class, as tools do that look at the code of lambdas. */
    private static final class Handler extends URLStreamHandler {
        private final Written one;

        Handler(Written one) {
            this.one = one;
        }

        @Override
        protected URLConnection openConnection(URL url) {
            return new URLConnection(url) {
                @Override
                public void connect() {
                    connected = true;
                }

                @Override
                public InputStream getInputStream() {
                    return new ByteArrayInputStream(one.bytes());
                }

                @Override
                public long getContentLengthLong() {
                    return one.bytes().length;
                }

                @Override
                public long getLastModified() {
                    return one.millis();
                }
            };
        }
    }
}
