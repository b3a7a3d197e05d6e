using System.Runtime.InteropServices;

namespace PerfCompare.Agent;

/// <summary>
/// Ends this process with its parent on Linux. The end of stdin says the same, but not while some
/// other child of the parent has inherited the pipe.
/// </summary>
internal static partial class ParentDeath
{
    private const int SetParentDeathSignal = 1;
    private const int Kill = 9;

    /// <summary>
    /// Call it on the main thread: the kernel ties the setting to the thread that made it. It ties
    /// the parent's side to a thread as well, namely the one that started this process.
    /// </summary>
    public static void EndsThisProcess()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var parent = GetParentId();
        if (SetProcessControl(SetParentDeathSignal, Kill, 0, 0, 0) != 0)
        {
            Log.Write("the death of the parent cannot be watched");
        }

        // It may have died before the setting was made.
        if (GetParentId() != parent)
        {
            Environment.Exit((int)ExitCode.Done);
        }
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int SetProcessControl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int GetParentId();
}
