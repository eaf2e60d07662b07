// For stock IJava: name this file in IJAVA_STARTUP_SCRIPTS_PATH and the class path in IJAVA_CLASSPATH.
org.skipgpt.kernel.ijava.IJavaExtension.install(getKernelInstance());
import static org.skipgpt.kernel.live.Live.live;
