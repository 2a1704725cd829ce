/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/pending.h - functions that may be missing while the command is
 * put together: the linker leaves them NULL then.
 */

#pragma weak cmd_More
#pragma weak cmd_Pipe
#pragma weak cmd_Scroll
#pragma weak cmd_Type
#pragma weak cmd_from
#pragma weak cmd_headers
#pragma weak cmd_mimeview
#pragma weak cmd_more
#pragma weak cmd_next
#pragma weak cmd_pipe
#pragma weak cmd_scroll
#pragma weak cmd_show
#pragma weak cmd_top
#pragma weak cmd_type
#pragma weak cmd_write
#pragma weak show_field
#pragma weak show_folder_line
#pragma weak show_headers
#pragma weak show_headline
#pragma weak show_message
#pragma weak show_page
#pragma weak show_text
#pragma weak show_has_field
